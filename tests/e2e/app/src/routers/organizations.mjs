import { and, arrayContains, asc, count, eq, gt, gte } from 'drizzle-orm';
import { z } from 'zod';
import { issues, machines, memberships, organizations, roles, users } from '../schema.mjs';
import { read, router } from '../trpc.mjs';

export const organizationRouter = router({
  bySubdomain: read(z.object({ subdomain: z.string() }), {
    prisma: (db, { subdomain }) => db.organization.findUnique({ where: { subdomain } }),
    drizzle: async (db, { subdomain }) =>
      (await db.select().from(organizations).where(eq(organizations.subdomain, subdomain)))[0] ?? null,
  }),

  // Counts of relations.
  dashboard: read(z.object({ after: z.string() }), {
    prisma: (db, { after }) => db.organization.findMany({
      where: { id: { gt: after } },
      select: { id: true, name: true, logoUrl: true, _count: { select: { machines: true, issues: true } } },
      orderBy: { id: 'asc' },
    }),
    drizzle: async (db, { after }) => {
      const rows = await db
        .select({
          id: organizations.id,
          name: organizations.name,
          logoUrl: organizations.logoUrl,
          machines: db.$count(machines, eq(machines.organizationId, organizations.id)),
          issues: db.$count(issues, eq(issues.organizationId, organizations.id)),
        })
        .from(organizations).where(gt(organizations.id, after)).orderBy(asc(organizations.id));
      return rows.map(({ machines: machineCount, issues: issueCount, ...row }) =>
        ({ ...row, _count: { machines: machineCount, issues: issueCount } }));
    },
  }),
});

export const roleRouter = router({
  all: read(z.null(), {
    prisma: (db) => db.role.findMany({ orderBy: { id: 'asc' } }),
    drizzle: (db) => db.select().from(roles).orderBy(asc(roles.id)),
  }),

  allowing: read(z.object({ permission: z.string() }), {
    prisma: (db, { permission }) => db.role.findMany({
      where: { permissions: { has: permission }, isDefault: false }, orderBy: [{ organizationId: 'asc' }, { name: 'asc' }],
    }),
    drizzle: (db, { permission }) => db.select().from(roles)
      .where(and(arrayContains(roles.permissions, [permission]), eq(roles.isDefault, false)))
      .orderBy(asc(roles.organizationId), asc(roles.name)),
  }),
});

export const membershipRouter = router({
  list: read(z.object({ org: z.string(), take: z.number() }), {
    prisma: (db, { org, take }) => db.membership.findMany({
      where: { organizationId: org },
      select: {
        id: true, joinedAt: true, user: { select: { id: true, name: true, email: true } }, role: { select: { name: true } },
      },
      orderBy: [{ joinedAt: 'asc' }, { id: 'asc' }],
      take,
    }),
    drizzle: (db, { org, take }) => db
      .select({
        id: memberships.id,
        joinedAt: memberships.joinedAt,
        user: { id: users.id, name: users.name, email: users.email },
        role: { name: roles.name },
      })
      .from(memberships)
      .innerJoin(users, eq(memberships.userId, users.id))
      .innerJoin(roles, eq(memberships.roleId, roles.id))
      .where(eq(memberships.organizationId, org))
      .orderBy(asc(memberships.joinedAt), asc(memberships.id)).limit(take),
  }),

  // timestamptz with microseconds against a Date; a filter through a relation.
  joinedSince: read(z.object({ since: z.coerce.date(), role: z.string() }), {
    prisma: (db, { since, role }) => db.membership.count({ where: { joinedAt: { gte: since }, role: { name: role } } }),
    drizzle: async (db, { since, role }) => (await db.select({ count: count() }).from(memberships)
      .innerJoin(roles, eq(memberships.roleId, roles.id))
      .where(and(gte(memberships.joinedAt, since), eq(roles.name, role))))[0].count,
  }),
});
