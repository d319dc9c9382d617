import { aliasedTable, and, asc, count, desc, eq, gt, gte, ilike, inArray, isNull, lt, ne, or, sql, sum } from 'drizzle-orm';
import { z } from 'zod';
import { issues, machines, users } from '../schema.mjs';
import { read, router, rowsOf } from '../trpc.mjs';

const listInput = z.object({
  org: z.string(), status: z.array(z.string()), severity: z.string(), retired: z.boolean(), minScore: z.number(),
  skip: z.number(), take: z.number(),
});

const prismaFilter = ({ org, status, severity, retired, minScore }) => ({
  organizationId: org, status: { in: status }, severity: { not: severity }, machine: { retired }, score: { gte: minScore },
});

const drizzleFilter = ({ org, status, severity, retired, minScore }) => and(
  eq(issues.organizationId, org), inArray(issues.status, status), ne(issues.severity, severity),
  eq(machines.retired, retired), gte(issues.score, minScore),
);

/** What a careful caller of ILIKE does; Prisma 7 does not. */
const escaped = (text) => text.replace(/[\\%_]/g, '\\$&');

export const issueRouter = router({
  // Filters, order, page, and the count of all: two statements at the same time.
  list: read(listInput, {
    prisma: (db, input) => Promise.all([
      db.issue.findMany({
        where: prismaFilter(input),
        include: { machine: { select: { id: true, name: true } }, assignedTo: { select: { id: true, name: true } } },
        orderBy: [{ createdAt: 'desc' }, { id: 'asc' }],
        skip: input.skip,
        take: input.take,
      }),
      db.issue.count({ where: prismaFilter(input) }),
    ]),
    drizzle: async (db, input) => {
      const [rows, [{ total }]] = await Promise.all([
        db.select({
          issue: issues, machine: { id: machines.id, name: machines.name }, assignedTo: { id: users.id, name: users.name },
        })
          .from(issues).innerJoin(machines, eq(issues.machineId, machines.id)).leftJoin(users, eq(issues.assignedToId, users.id))
          .where(drizzleFilter(input)).orderBy(desc(issues.createdAt), asc(issues.id)).limit(input.take).offset(input.skip),
        db.select({ total: count() }).from(issues).innerJoin(machines, eq(issues.machineId, machines.id))
          .where(drizzleFilter(input)),
      ]);
      return [rows.map(({ issue, ...related }) => ({ ...issue, ...related })), total];
    },
  }),

  count: read(listInput.omit({ skip: true, take: true }), {
    prisma: (db, input) => db.issue.count({ where: prismaFilter(input) }),
    drizzle: async (db, input) => (await db.select({ total: count() }).from(issues)
      .innerJoin(machines, eq(issues.machineId, machines.id)).where(drizzleFilter(input)))[0].total,
  }),

  search: read(z.object({ org: z.string(), title: z.string(), text: z.string(), take: z.number() }), {
    prisma: (db, { org, title, text, take }) => db.issue.findMany({
      where: {
        organizationId: org,
        OR: [
          { title: { contains: title, mode: 'insensitive' } },
          { description: { contains: text, mode: 'insensitive' } },
        ],
      },
      select: { id: true, title: true, status: true },
      orderBy: { number: 'asc' },
      take,
    }),
    drizzle: (db, { org, title, text, take }) => db.select({ id: issues.id, title: issues.title, status: issues.status })
      .from(issues)
      .where(and(
        eq(issues.organizationId, org),
        or(ilike(issues.title, `%${escaped(title)}%`), ilike(issues.description, `%${escaped(text)}%`)),
      ))
      .orderBy(asc(issues.number)).limit(take),
  }),

  // A cursor outside the filter is where the two differ: Prisma then leaves out a row.
  page: read(z.object({ org: z.string(), cursor: z.string(), take: z.number() }), {
    prisma: (db, { org, cursor, take }) => db.issue.findMany({
      where: { organizationId: org }, cursor: { id: cursor }, skip: 1, take, orderBy: { id: 'asc' },
      select: { id: true, createdAt: true },
    }),
    drizzle: (db, { org, cursor, take }) => db.select({ id: issues.id, createdAt: issues.createdAt }).from(issues)
      .where(and(eq(issues.organizationId, org), gt(issues.id, cursor))).orderBy(asc(issues.id)).limit(take),
  }),

  byId: read(z.object({ id: z.string() }), {
    prisma: (db, { id }) => db.issue.findUnique({ where: { id } }),
    drizzle: async (db, { id }) => (await db.select().from(issues).where(eq(issues.id, id)))[0] ?? null,
  }),

  // Two relations to one table: the same statement twice.
  people: read(z.object({ machine: z.string() }), {
    prisma: (db, { machine }) => db.issue.findMany({
      where: { machineId: machine },
      select: {
        id: true, createdBy: { select: { id: true, name: true } }, assignedTo: { select: { id: true, name: true } },
      },
      orderBy: { id: 'asc' },
    }),
    drizzle: (db, { machine }) => {
      const assignee = aliasedTable(users, 'assignee');
      return db
        .select({
          id: issues.id, createdBy: { id: users.id, name: users.name }, assignedTo: { id: assignee.id, name: assignee.name },
        })
        .from(issues).innerJoin(users, eq(issues.createdById, users.id))
        .leftJoin(assignee, eq(issues.assignedToId, assignee.id))
        .where(eq(issues.machineId, machine)).orderBy(asc(issues.id));
    },
  }),

  openOnMachine: read(z.object({ machine: z.string() }), {
    prisma: (db, { machine }) => db.issue.count({ where: { machineId: machine, status: { not: 'RESOLVED' } } }),
    drizzle: async (db, { machine }) => (await db.select({ count: count() }).from(issues)
      .where(and(eq(issues.machineId, machine), ne(issues.status, 'RESOLVED'))))[0].count,
  }),

  // timestamptz against a Date: the two write the parameter in two ways.
  createdSince: read(z.object({ since: z.coerce.date() }), {
    prisma: (db, { since }) => db.issue.count({ where: { createdAt: { gte: since } } }),
    drizzle: async (db, { since }) =>
      (await db.select({ count: count() }).from(issues).where(gte(issues.createdAt, since)))[0].count,
  }),

  unassigned: read(z.object({ org: z.string(), before: z.coerce.date(), skip: z.number() }), {
    prisma: (db, { org, before, skip }) => db.issue.findMany({
      where: { organizationId: org, assignedToId: null, resolvedAt: { lt: before } },
      select: { id: true, number: true, resolvedAt: true, estimate: true, checklist: true },
      orderBy: [{ resolvedAt: 'desc' }, { number: 'desc' }],
      skip,
      take: 5,
    }),
    drizzle: (db, { org, before, skip }) => db
      .select({
        id: issues.id, number: issues.number, resolvedAt: issues.resolvedAt, estimate: issues.estimate,
        checklist: issues.checklist,
      })
      .from(issues)
      .where(and(eq(issues.organizationId, org), isNull(issues.assignedToId), lt(issues.resolvedAt, before)))
      .orderBy(desc(issues.resolvedAt), desc(issues.number)).limit(5).offset(skip),
  }),

  urgent: read(z.object({ org: z.string(), score: z.number() }), {
    prisma: (db, { org, score }) => db.issue.findFirst({
      where: { organizationId: org, severity: 'CRITICAL', score: { gt: score }, NOT: [{ status: 'RESOLVED' }] },
      orderBy: [{ score: 'asc' }, { id: 'asc' }],
    }),
    drizzle: async (db, { org, score }) => (await db.select().from(issues)
      .where(and(
        eq(issues.organizationId, org), eq(issues.severity, 'CRITICAL'), gt(issues.score, score),
        ne(issues.status, 'RESOLVED'),
      ))
      .orderBy(asc(issues.score), asc(issues.id)).limit(1))[0] ?? null,
  }),

  byStatus: read(z.object({ org: z.string() }), {
    prisma: async (db, { org }) => (await db.issue.groupBy({
      by: ['status', 'severity'],
      where: { organizationId: org },
      _count: { _all: true },
      _sum: { estimate: true },
      orderBy: [{ status: 'asc' }, { severity: 'asc' }],
    })).map((group) => ({
      status: group.status, severity: group.severity, issues: group._count._all, estimate: group._sum.estimate,
    })),
    drizzle: async (db, { org }) => (await db
      .select({ status: issues.status, severity: issues.severity, issues: count(), estimate: sum(issues.estimate) })
      .from(issues).where(eq(issues.organizationId, org)).groupBy(issues.status, issues.severity)
      .orderBy(asc(issues.status), asc(issues.severity)))
      .map((row) => ({ ...row, estimate: row.estimate === null ? null : Number(row.estimate) })),
  }),

  perDay: read(z.object({ org: z.string(), since: z.coerce.date(), min: z.number() }), {
    prisma: (db, { org, since, min }) => db.$queryRaw`SELECT i."status"::text AS status, date_trunc('day', i."createdAt") AS day, count(*) AS n, avg(i."estimate") AS avg_estimate FROM "issues" i WHERE i."organizationId" = ${org} AND i."createdAt" >= ${since} GROUP BY 1, 2 HAVING count(*) > ${min} ORDER BY 2, 1 LIMIT 6`,
    drizzle: async (db, { org, since, min }) => rowsOf(await db.execute(sql`SELECT i."status"::text AS status, date_trunc('day', i."createdAt") AS day, count(*) AS n, avg(i."estimate") AS avg_estimate FROM "issues" i WHERE i."organizationId" = ${org} AND i."createdAt" >= ${since.toISOString()} GROUP BY 1, 2 HAVING count(*) > ${min} ORDER BY 2, 1 LIMIT 6`))
      .map((row) => ({
        ...row, day: new Date(row.day), avg_estimate: row.avg_estimate === null ? null : Number(row.avg_estimate),
      })),
  }),

  total: read(z.null(), {
    prisma: (db) => db.$queryRaw`SELECT count(*) AS n FROM "issues"`,
    drizzle: async (db) => rowsOf(await db.execute(sql`SELECT count(*) AS n FROM "issues"`)),
  }),
});
