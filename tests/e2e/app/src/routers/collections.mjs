import { and, asc, count, eq, inArray, sql } from 'drizzle-orm';
import { z } from 'zod';
import { collectionMachines, collections, machines } from '../schema.mjs';
import { read, router } from '../trpc.mjs';

/** One row for each machine, the collection repeated -> collections with their machines. */
function collectionsOf(rows) {
  const found = new Map();
  for (const { collection, machine } of rows) {
    if (!found.has(collection.id)) found.set(collection.id, { ...collection, machines: [] });
    if (machine) found.get(collection.id).machines.push(machine);
  }
  return [...found.values()].map((each) => ({ ...each, _count: { machines: each.machines.length } }));
}

export const collectionRouter = router({
  withMachines: read(z.object({ org: z.string() }), {
    prisma: (db, { org }) => db.collection.findMany({
      where: { organizationId: org },
      include: {
        machines: { select: { id: true, name: true }, orderBy: { name: 'asc' } },
        _count: { select: { machines: true } },
      },
      orderBy: { name: 'asc' },
    }),
    drizzle: async (db, { org }) => collectionsOf(await db
      .select({ collection: collections, machine: { id: machines.id, name: machines.name } })
      .from(collections)
      .leftJoin(collectionMachines, eq(collections.id, collectionMachines.A))
      .leftJoin(machines, eq(collectionMachines.B, machines.id))
      .where(eq(collections.organizationId, org)).orderBy(asc(collections.name), asc(machines.name))),
  }),

  sizes: read(z.object({ org: z.string(), smart: z.boolean() }), {
    prisma: (db, { org, smart }) => db.collection.findMany({
      where: { organizationId: org, isSmart: smart },
      select: { id: true, sortOrder: true, filterCriteria: true, _count: { select: { machines: true } } },
      orderBy: [{ sortOrder: 'asc' }, { id: 'asc' }],
    }),
    drizzle: async (db, { org, smart }) => {
      const rows = await db
        .select({
          id: collections.id, sortOrder: collections.sortOrder, filterCriteria: collections.filterCriteria,
          machines: count(collectionMachines.B),
        })
        .from(collections).leftJoin(collectionMachines, eq(collectionMachines.A, collections.id))
        .where(and(eq(collections.organizationId, org), eq(collections.isSmart, smart)))
        .groupBy(collections.id).orderBy(asc(collections.sortOrder), asc(collections.id));
      return rows.map(({ machines: size, ...row }) => ({ ...row, _count: { machines: size } }));
    },
  }),

  // Through the many-to-many relation.
  holding: read(z.object({ machine: z.string() }), {
    prisma: (db, { machine }) => db.collection.findMany({
      where: { machines: { some: { id: machine } } }, select: { id: true, name: true }, orderBy: { id: 'asc' },
    }),
    drizzle: (db, { machine }) => db.select({ id: collections.id, name: collections.name }).from(collections)
      .where(inArray(collections.id,
        db.select({ A: collectionMachines.A }).from(collectionMachines).where(eq(collectionMachines.B, machine))))
      .orderBy(asc(collections.id)),
  }),

  // JSON in the filter.
  ofManufacturer: read(z.object({ manufacturer: z.string() }), {
    prisma: (db, { manufacturer }) => db.collection.findMany({
      where: { filterCriteria: { path: ['manufacturer'], equals: manufacturer } },
      select: { id: true, filterCriteria: true },
      orderBy: { id: 'asc' },
    }),
    drizzle: (db, { manufacturer }) => db.select({ id: collections.id, filterCriteria: collections.filterCriteria })
      .from(collections).where(sql`${collections.filterCriteria} ->> 'manufacturer' = ${manufacturer}`)
      .orderBy(asc(collections.id)),
  }),
});
