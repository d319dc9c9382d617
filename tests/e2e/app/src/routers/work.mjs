// What changes rows: nothing here is compared, everything must pass as it is.
import { and, asc, count, eq, ne, sql } from 'drizzle-orm';
import { z } from 'zod';
import { issues, machines, organizations } from '../schema.mjs';
import { router, write } from '../trpc.mjs';

const newIssue = z.object({ id: z.string(), org: z.string(), machine: z.string(), user: z.string() });
const abort = new Error('aborted on purpose');
const aborted = (error) => {
  if (error !== abort) throw error;
  return error.message;
};

const issueValues = ({ id, org, machine, user }) => ({
  id, title: 'Coil burnt', severity: 'HIGH', metadata: { source: 'test' }, checklist: [{ text: 'x', done: false }],
  estimate: 12.5, machineId: machine, organizationId: org, createdById: user,
});

const machineValues = ({ id, org }) => ({
  id, name: 'Elvira', tags: ['a,b', 'c"d'], qrCode: Buffer.from([0, 1, 2, 255]), playCount: 12345678901234567n,
  purchasedOn: new Date('2024-05-05'), organizationId: org,
});

export const workRouter = router({
  createIssue: write(newIssue, {
    prisma: async (db, input) => (await db.issue.create({ data: issueValues(input) })).id,
    drizzle: async (db, input) => (await db.insert(issues).values(issueValues(input)).returning())[0].id,
  }),

  deleteIssue: write(z.object({ id: z.string() }), {
    prisma: async (db, { id }) => (await db.issue.deleteMany({ where: { id } })).count,
    drizzle: async (db, { id }) =>
      (await db.delete(issues).where(eq(issues.id, id)).returning({ id: issues.id })).length,
  }),

  updateIssue: write(z.object({ id: z.string(), status: z.string(), at: z.coerce.date() }), {
    prisma: (db, { id, status, at }) => db.issue.update({
      where: { id }, data: { status, resolvedAt: at, score: { increment: 1 } }, select: { id: true, status: true },
    }),
    drizzle: async (db, { id, status, at }) => (await db.update(issues)
      .set({ status, resolvedAt: at, score: sql`${issues.score} + 1` }).where(eq(issues.id, id))
      .returning({ id: issues.id, status: issues.status }))[0],
  }),

  unassignAll: write(z.object({ org: z.string() }), {
    prisma: async (db, { org }) => (await db.issue.updateMany({
      where: { organizationId: org, status: 'NEEDS_PARTS' }, data: { assignedToId: null },
    })).count,
    drizzle: async (db, { org }) => (await db.update(issues).set({ assignedToId: null })
      .where(and(eq(issues.organizationId, org), eq(issues.status, 'NEEDS_PARTS'))).returning({ id: issues.id })).length,
  }),

  saveOrganization: write(z.object({ id: z.string(), subdomain: z.string(), name: z.string() }), {
    prisma: async (db, { id, subdomain, name }) => (await db.organization.upsert({
      where: { subdomain }, create: { id, name, subdomain }, update: { name },
    })).name,
    drizzle: async (db, { id, subdomain, name }) => (await db.insert(organizations).values({ id, name, subdomain })
      .onConflictDoUpdate({ target: organizations.subdomain, set: { name, updatedAt: new Date() } }).returning())[0].name,
  }),

  // Rows of two tables in one transaction.
  createMachine: write(newIssue, {
    prisma: async (db, { id, org, user }) => (await db.machine.create({
      data: {
        ...machineValues({ id, org }),
        issues: { create: [{ id: `${id}_issue`, title: 'nested', organizationId: org, createdById: user }] },
      },
      include: { issues: true },
    })).issues.length,
    drizzle: (db, { id, org, user }) => db.transaction(async (tx) => {
      const [machine] = await tx.insert(machines).values(machineValues({ id, org })).returning();
      const added = await tx.insert(issues)
        .values([{ id: `${id}_issue`, title: 'nested', organizationId: org, createdById: user, machineId: machine.id }])
        .returning();
      return added.length;
    }),
  }),

  deleteMachine: write(z.object({ id: z.string() }), {
    prisma: async (db, { id }) => (await db.machine.deleteMany({ where: { id } })).count,
    drizzle: async (db, { id }) =>
      (await db.delete(machines).where(eq(machines.id, id)).returning({ id: machines.id })).length,
  }),

  // Reads, writes, and counts what it has written.
  resolve: write(z.object({ id: z.string() }), {
    prisma: (db, { id }) => db.$transaction(async (tx) => {
      const issue = await tx.issue.findUniqueOrThrow({ where: { id } });
      await tx.issue.update({ where: { id }, data: { status: 'RESOLVED' } });
      await tx.machine.update({ where: { id: issue.machineId }, data: { playCount: { increment: 1 } } });
      return tx.issue.count({ where: { machineId: issue.machineId, status: { not: 'RESOLVED' } } });
    }, { isolationLevel: 'RepeatableRead' }),
    drizzle: (db, { id }) => db.transaction(async (tx) => {
      const [issue] = await tx.select().from(issues).where(eq(issues.id, id));
      await tx.update(issues).set({ status: 'RESOLVED' }).where(eq(issues.id, id));
      await tx.update(machines).set({ playCount: sql`${machines.playCount} + 1` }).where(eq(machines.id, issue.machineId));
      const [row] = await tx.select({ count: count() }).from(issues)
        .where(and(eq(issues.machineId, issue.machineId), ne(issues.status, 'RESOLVED')));
      return row.count;
    }, { isolationLevel: 'repeatable read' }),
  }),

  rollBack: write(z.object({ id: z.string() }), {
    prisma: (db, { id }) => db.$transaction(async (tx) => {
      await tx.issue.update({ where: { id }, data: { title: 'x' } });
      throw abort;
    }).catch(aborted),
    drizzle: (db, { id }) => db.transaction(async (tx) => {
      await tx.update(issues).set({ title: 'x' }).where(eq(issues.id, id));
      throw abort;
    }).catch(aborted),
  }),

  // A savepoint that is rolled back.
  rename: write(z.object({ id: z.string(), title: z.string() }), {
    prisma: (db, { id, title }) => db.$transaction(async (tx) => {
      await tx.issue.update({ where: { id }, data: { title }, select: { id: true } });
      await tx.$transaction(async (inner) => {
        await inner.issue.update({ where: { id }, data: { title: 'inner' }, select: { id: true } });
        throw abort;
      }).catch(aborted);
      return tx.issue.findUnique({ where: { id }, select: { title: true } });
    }),
    drizzle: (db, { id, title }) => db.transaction(async (tx) => {
      await tx.update(issues).set({ title }).where(eq(issues.id, id));
      await tx.transaction(async (inner) => {
        await inner.update(issues).set({ title: 'inner' }).where(eq(issues.id, id));
        throw abort;
      }).catch(aborted);
      return (await tx.select({ title: issues.title }).from(issues).where(eq(issues.id, id)).orderBy(asc(issues.id)))[0];
    }),
  }),

  // Violates a unique index; returns the SQLSTATE.
  duplicateOrganization: write(z.object({ id: z.string(), subdomain: z.string() }), {
    prisma: (db, { id, subdomain }) => db.organization.create({ data: { id, name: 'twice', subdomain } })
      .then(() => 'made', (error) => error.code),
    drizzle: (db, { id, subdomain }) => db.insert(organizations).values({ id, name: 'twice', subdomain })
      .then(() => 'made', (error) => (error.cause?.code === '23505' ? 'P2002' : String(error))),
  }),
});
