// Every operation is written twice, and the context says which of the two runs.
import { withQueryTags } from '@prisma/sqlcommenter-query-tags';
import { initTRPC } from '@trpc/server';

const t = initTRPC.context().create();

const procedure = t.procedure.use(({ ctx, path, next }) =>
  (ctx.tags ? withQueryTags({ operation: path }, async () => await next()) : next()));

export const { router, createCallerFactory } = t;

/** `ways`: {prisma, drizzle}, functions of (db, input). */
export const read = (input, ways) => procedure.input(input).query(({ ctx, input: given }) => ways[ctx.orm](ctx.db, given));

export const write = (input, ways) =>
  procedure.input(input).mutation(({ ctx, input: given }) => ways[ctx.orm](ctx.db, given));

/** Rows of db.execute(): node-postgres wraps them, postgres.js does not. */
export const rowsOf = (result) => [...(result.rows ?? result)];
