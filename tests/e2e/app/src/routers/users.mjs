import { and, asc, count, desc, eq, gte, ilike, inArray, isNotNull, isNull, like, lt, ne, not, or, sql } from 'drizzle-orm';
import { z } from 'zod';
import { memberships, roles, users } from '../schema.mjs';
import { read, router } from '../trpc.mjs';

/** One row for each membership, the user repeated -> the user with its memberships. */
function profileOf(rows) {
  if (rows.length === 0) return null;
  const all = rows.filter((row) => row.memberships).map((row) => ({ ...row.memberships, role: row.roles }));
  return { ...rows[0].users, memberships: all };
}

const prepared = new WeakMap();

function byEmailQuery(db) {
  if (!prepared.has(db)) {
    prepared.set(db, db.select({ id: users.id, email: users.email, createdAt: users.createdAt }).from(users)
      .where(eq(users.email, sql.placeholder('email'))).prepare('userRouter.byEmail'));
  }
  return prepared.get(db);
}

export const userRouter = router({
  getProfile: read(z.object({ id: z.string() }), {
    prisma: (db, { id }) => db.user.findFirst({ where: { id }, include: { memberships: { include: { role: true } } } }),
    drizzle: async (db, { id }) => profileOf(await db.select().from(users)
      .leftJoin(memberships, eq(users.id, memberships.userId))
      .leftJoin(roles, eq(memberships.roleId, roles.id))
      .where(eq(users.id, id))),
  }),

  // The same by one query that builds JSON.
  getProfileRelational: read(z.object({ id: z.string() }), {
    prisma: (db, { id }) => db.user.findFirst({ where: { id }, include: { memberships: { include: { role: true } } } }),
    drizzle: async (db, { id }) =>
      (await db.query.users.findFirst({ where: eq(users.id, id), with: { memberships: { with: { role: true } } } })) ?? null,
  }),

  // findUnique calls that are made together, with a relation.
  profiles: read(z.object({ ids: z.array(z.string()) }), {
    prisma: (db, { ids }) => Promise.all(ids.map((id) => db.user.findUnique({
      where: { id }, select: { id: true, email: true, memberships: { select: { id: true, roleId: true } } },
    }))),
    drizzle: async (db, { ids }) => {
      const rows = await db
        .select({
          users: { id: users.id, email: users.email }, memberships: { id: memberships.id, roleId: memberships.roleId },
        })
        .from(users).leftJoin(memberships, eq(users.id, memberships.userId)).where(inArray(users.id, ids));
      return ids.map((id) => {
        const own = rows.filter((row) => row.users.id === id);
        if (own.length === 0) return null;
        const all = own.filter((row) => row.memberships).map((row) => row.memberships);
        return { ...own[0].users, memberships: all };
      });
    },
  }),

  // A prepared statement in Drizzle.
  byEmail: read(z.object({ email: z.string() }), {
    prisma: (db, { email }) =>
      db.user.findUnique({ where: { email }, select: { id: true, email: true, createdAt: true } }),
    drizzle: async (db, { email }) => (await byEmailQuery(db).execute({ email }))[0] ?? null,
  }),

  // Prisma makes one statement of findUnique calls that are made together.
  together: read(z.object({ ids: z.array(z.string()) }), {
    prisma: (db, { ids }) =>
      Promise.all(ids.map((id) => db.user.findUnique({ where: { id }, select: { id: true, name: true, bio: true } }))),
    drizzle: async (db, { ids }) => {
      const rows = await db.select({ id: users.id, name: users.name, bio: users.bio }).from(users)
        .where(inArray(users.id, ids));
      return ids.map((id) => rows.find((row) => row.id === id) ?? null);
    },
  }),

  byFrequency: read(z.object({ frequencies: z.array(z.string()), skip: z.number(), take: z.number() }), {
    prisma: (db, { frequencies, skip, take }) => db.user.findMany({
      where: { notificationFrequency: { in: frequencies }, emailNotifications: true },
      select: { id: true, name: true, notificationFrequency: true, emailNotifications: true },
      orderBy: [{ name: { sort: 'desc', nulls: 'last' } }, { id: 'asc' }],
      skip,
      take,
    }),
    drizzle: (db, { frequencies, skip, take }) => db
      .select({
        id: users.id, name: users.name, notificationFrequency: users.notificationFrequency,
        emailNotifications: users.emailNotifications,
      })
      .from(users)
      .where(and(inArray(users.notificationFrequency, frequencies), eq(users.emailNotifications, true)))
      .orderBy(sql`${users.name} desc nulls last`, asc(users.id)).limit(take).offset(skip),
  }),

  unverified: read(z.object({ take: z.number() }), {
    prisma: (db, { take }) => db.user.findMany({
      where: { emailVerified: null, bio: { not: null } }, select: { id: true, bio: true, image: true },
      orderBy: { id: 'desc' }, take,
    }),
    drizzle: (db, { take }) => db.select({ id: users.id, bio: users.bio, image: users.image }).from(users)
      .where(and(isNull(users.emailVerified), isNotNull(users.bio))).orderBy(desc(users.id)).limit(take),
  }),

  createdBetween: read(z.object({ from: z.coerce.date(), to: z.coerce.date() }), {
    prisma: (db, { from, to }) => db.user.findMany({
      where: { createdAt: { gte: from, lt: to } }, select: { id: true, createdAt: true, updatedAt: true },
      orderBy: { createdAt: 'asc' },
    }),
    drizzle: (db, { from, to }) => db.select({ id: users.id, createdAt: users.createdAt, updatedAt: users.updatedAt })
      .from(users).where(and(gte(users.createdAt, from), lt(users.createdAt, to))).orderBy(asc(users.createdAt)),
  }),

  find: read(z.object({ text: z.string(), domain: z.string(), not: z.string() }), {
    prisma: (db, { text, domain, not: name }) => db.user.findMany({
      where: {
        OR: [{ name: { startsWith: text, mode: 'insensitive' } }, { email: { startsWith: text } }],
        email: { endsWith: domain },
        NOT: { name },
      },
      select: { id: true, name: true, email: true },
      orderBy: { id: 'asc' },
    }),
    drizzle: (db, { text, domain, not: name }) => db.select({ id: users.id, name: users.name, email: users.email })
      .from(users)
      .where(and(
        or(ilike(users.name, `${text}%`), like(users.email, `${text}%`)),
        like(users.email, `%${domain}`),
        not(eq(users.name, name)),
      ))
      .orderBy(asc(users.id)),
  }),

  countOfFrequency: read(z.object({ frequency: z.string() }), {
    prisma: (db, { frequency }) => db.user.count({ where: { notificationFrequency: { not: frequency } } }),
    drizzle: async (db, { frequency }) =>
      (await db.select({ count: count() }).from(users).where(ne(users.notificationFrequency, frequency)))[0].count,
  }),
});
