import {
  and, arrayOverlaps, asc, avg, count, desc, eq, exists, gt, gte, inArray, isNull, max, min, notExists, sql, sum,
} from 'drizzle-orm';
import { z } from 'zod';
import { issues, machines } from '../schema.mjs';
import { read, router } from '../trpc.mjs';

const numberOrNull = (value) => (value === null ? null : Number(value));
const brief = { id: machines.id, name: machines.name };

export const machineRouter = router({
  byIds: read(z.object({ ids: z.array(z.string()) }), {
    prisma: (db, { ids }) =>
      db.machine.findMany({ where: { id: { in: ids } }, select: { id: true, name: true }, orderBy: { id: 'asc' } }),
    drizzle: (db, { ids }) => db.select(brief).from(machines).where(inArray(machines.id, ids)).orderBy(asc(machines.id)),
  }),

  freePlay: read(z.object({ prefix: z.string(), tag: z.string() }), {
    prisma: (db, { prefix, tag }) => db.machine.findMany({
      where: {
        AND: [
          { settings: { path: ['free_play'], equals: true } },
          { settings: { path: ['note'], string_starts_with: prefix } },
        ],
        tags: { has: tag },
      },
      select: { id: true, settings: true, tags: true },
      orderBy: { id: 'asc' },
    }),
    drizzle: (db, { prefix, tag }) => db.select({ id: machines.id, settings: machines.settings, tags: machines.tags })
      .from(machines)
      .where(and(
        sql`${machines.settings} @> ${JSON.stringify({ free_play: true })}::jsonb`,
        sql`${machines.settings} ->> 'note' like ${`${prefix}%`}`,
        sql`${tag} = any(${machines.tags})`,
      ))
      .orderBy(asc(machines.id)),
  }),

  // Every type of the schema.
  byId: read(z.object({ id: z.string() }), {
    prisma: (db, { id }) => db.machine.findFirst({ where: { id } }),
    drizzle: async (db, { id }) => (await db.select().from(machines).where(eq(machines.id, id)).limit(1))[0] ?? null,
  }),

  list: read(z.object({ org: z.string(), skip: z.number(), take: z.number() }), {
    prisma: (db, { org, skip, take }) =>
      db.machine.findMany({ where: { organizationId: org }, orderBy: { id: 'asc' }, skip, take }),
    drizzle: (db, { org, skip, take }) => db.select().from(machines).where(eq(machines.organizationId, org))
      .orderBy(asc(machines.id)).limit(take).offset(skip),
  }),

  withoutOwner: read(z.object({ org: z.string() }), {
    prisma: (db, { org }) => db.machine.findMany({
      where: { organizationId: org, ownerId: null }, select: { id: true, name: true, ownerId: true },
      orderBy: [{ name: 'desc' }, { id: 'asc' }],
    }),
    drizzle: (db, { org }) => db.select({ ...brief, ownerId: machines.ownerId }).from(machines)
      .where(and(eq(machines.organizationId, org), isNull(machines.ownerId)))
      .orderBy(desc(machines.name), asc(machines.id)),
  }),

  // numeric, bigint, double precision and date as parameters.
  worth: read(z.object({ price: z.number(), plays: z.coerce.bigint(), latitude: z.number(), since: z.coerce.date() }), {
    prisma: (db, { price, plays, latitude, since }) => db.machine.findMany({
      where: {
        purchasePrice: { gte: price }, playCount: { gt: plays }, latitude: { gte: latitude }, purchasedOn: { gte: since },
      },
      select: { id: true, purchasePrice: true, playCount: true, latitude: true, purchasedOn: true },
      orderBy: [{ purchasePrice: 'desc' }, { id: 'asc' }],
      take: 12,
    }),
    drizzle: (db, { price, plays, latitude, since }) => db
      .select({
        id: machines.id, purchasePrice: machines.purchasePrice, playCount: machines.playCount,
        latitude: machines.latitude, purchasedOn: machines.purchasedOn,
      })
      .from(machines)
      .where(and(
        gte(machines.purchasePrice, price), gt(machines.playCount, plays),
        gte(machines.latitude, latitude), gte(machines.purchasedOn, since),
      ))
      .orderBy(desc(machines.purchasePrice), asc(machines.id)).limit(12),
  }),

  bySerial: read(z.object({ serial: z.string() }), {
    prisma: (db, { serial }) => db.machine.findFirst({ where: { serial }, select: { id: true, serial: true } }),
    drizzle: async (db, { serial }) => (await db.select({ id: machines.id, serial: machines.serial }).from(machines)
      .where(eq(machines.serial, serial)).limit(1))[0] ?? null,
  }),

  // bytea as a parameter: node-postgres sends it in binary.
  byQrCode: read(z.object({ hex: z.string() }), {
    prisma: (db, { hex }) =>
      db.machine.findFirst({ where: { qrCode: Buffer.from(hex, 'hex') }, select: { id: true, qrCode: true } }),
    drizzle: async (db, { hex }) => (await db.select({ id: machines.id, qrCode: machines.qrCode }).from(machines)
      .where(eq(machines.qrCode, Buffer.from(hex, 'hex'))).limit(1))[0] ?? null,
  }),

  stats: read(z.object({ org: z.string() }), {
    prisma: (db, { org }) => db.machine.aggregate({
      where: { organizationId: org },
      _count: { _all: true, ownerId: true },
      _avg: { year: true },
      _sum: { purchasePrice: true },
      _min: { latitude: true },
      _max: { playCount: true },
    }),
    drizzle: async (db, { org }) => {
      const [row] = await db
        .select({
          all: count(), owned: count(machines.ownerId), year: avg(machines.year), price: sum(machines.purchasePrice),
          latitude: min(machines.latitude), plays: max(machines.playCount),
        })
        .from(machines).where(eq(machines.organizationId, org));
      return {
        _count: { _all: row.all, ownerId: row.owned },
        _avg: { year: numberOrNull(row.year) },
        _sum: { purchasePrice: numberOrNull(row.price) },
        _min: { latitude: row.latitude },
        _max: { playCount: row.plays },
      };
    },
  }),

  byManufacturer: read(z.object({ from: z.number(), atLeast: z.number() }), {
    prisma: async (db, { from, atLeast }) => (await db.machine.groupBy({
      by: ['manufacturer'],
      where: { year: { gte: from } },
      _count: { _all: true },
      _max: { year: true },
      having: { year: { _count: { gte: atLeast } } },
      orderBy: { manufacturer: 'asc' },
    })).map((group) => ({ manufacturer: group.manufacturer, machines: group._count._all, newest: group._max.year })),
    drizzle: (db, { from, atLeast }) => db
      .select({ manufacturer: machines.manufacturer, machines: count(), newest: max(machines.year) })
      .from(machines).where(gte(machines.year, from)).groupBy(machines.manufacturer)
      .having(gte(count(machines.year), atLeast)).orderBy(asc(machines.manufacturer)),
  }),

  tagged: read(z.object({ some: z.array(z.string()) }), {
    prisma: (db, { some }) => db.machine.findMany({
      where: { tags: { hasSome: some } }, select: { id: true, tags: true }, orderBy: { id: 'asc' },
    }),
    drizzle: (db, { some }) => db.select({ id: machines.id, tags: machines.tags }).from(machines)
      .where(arrayOverlaps(machines.tags, some)).orderBy(asc(machines.id)),
  }),

  withIssues: read(z.object({ org: z.string(), status: z.string() }), {
    prisma: (db, { org, status }) => db.machine.findMany({
      where: { organizationId: org, issues: { some: { status } } }, select: { id: true, name: true }, orderBy: { id: 'asc' },
    }),
    drizzle: (db, { org, status }) => db.select(brief).from(machines)
      .where(and(
        eq(machines.organizationId, org),
        exists(db.select({ one: sql`1` }).from(issues)
          .where(and(eq(issues.machineId, machines.id), eq(issues.status, status)))),
      ))
      .orderBy(asc(machines.id)),
  }),

  quiet: read(z.object({ severity: z.string(), retired: z.boolean() }), {
    prisma: (db, { severity, retired }) => db.machine.findMany({
      where: { retired, issues: { none: { severity, assignedToId: null } } }, select: { id: true, name: true },
      orderBy: { id: 'asc' },
    }),
    drizzle: (db, { severity, retired }) => db.select(brief).from(machines)
      .where(and(
        eq(machines.retired, retired),
        notExists(db.select({ one: sql`1` }).from(issues)
          .where(and(eq(issues.machineId, machines.id), eq(issues.severity, severity), isNull(issues.assignedToId)))),
      ))
      .orderBy(asc(machines.id)),
  }),

  // Children in an order of their own, of many types.
  issueLists: read(z.object({ org: z.string() }), {
    prisma: (db, { org }) => db.machine.findMany({
      where: { organizationId: org },
      select: {
        id: true,
        name: true,
        issues: {
          select: {
            id: true, number: true, status: true, metadata: true, estimate: true, score: true, createdAt: true,
            updatedAt: true, resolvedAt: true,
          },
          orderBy: { number: 'desc' },
        },
      },
      orderBy: { id: 'asc' },
    }),
    drizzle: (db, { org }) => db.query.machines.findMany({
      where: eq(machines.organizationId, org),
      columns: { id: true, name: true },
      with: {
        issues: {
          columns: {
            id: true, number: true, status: true, metadata: true, estimate: true, score: true, createdAt: true,
            updatedAt: true, resolvedAt: true,
          },
          orderBy: desc(issues.number),
        },
      },
      orderBy: asc(machines.id),
    }),
  }),

  // bigint inside Drizzle's JSON is a number, which JavaScript rounds.
  ofIssue: read(z.object({ id: z.string() }), {
    prisma: (db, { id }) => db.issue.findFirst({
      where: { id }, select: { id: true, machine: { select: { id: true, playCount: true } } },
    }),
    drizzle: async (db, { id }) => (await db.query.issues.findFirst({
      where: eq(issues.id, id), columns: { id: true }, with: { machine: { columns: { id: true, playCount: true } } },
    })) ?? null,
  }),
});
