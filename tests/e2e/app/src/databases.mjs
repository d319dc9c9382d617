// One way to the database: Prisma over its driver adapter, or Drizzle over postgres.js or node-postgres.
import { createHash } from 'node:crypto';
import { PrismaPg } from '@prisma/adapter-pg';
import { queryTags } from '@prisma/sqlcommenter-query-tags';
import { drizzle as overNodePostgres } from 'drizzle-orm/node-postgres';
import { drizzle as overPostgresJs } from 'drizzle-orm/postgres-js';
import pg from 'pg';
import postgres from 'postgres';
import { PrismaClient } from '../generated/prisma/index.js';
import * as relations from './relations.mjs';
import * as tables from './schema.mjs';

const schema = { ...tables, ...relations };

const nameOf = ({ sql }) => `s${createHash('sha256').update(sql).digest('hex').slice(0, 16)}`;

function prisma({ url, max, tags, named }) {
  const adapter = new PrismaPg({ connectionString: url, max }, named ? { statementNameGenerator: nameOf } : {});
  const db = new PrismaClient({ adapter, comments: tags ? [queryTags()] : [] });
  return { orm: 'prisma', db, close: () => db.$disconnect() };
}

function drizzlePostgresJs({ url, max }) {
  const client = postgres(url, { max, idle_timeout: 20, connect_timeout: 10, onnotice: () => {} });
  return { orm: 'drizzle', db: overPostgresJs(client, { schema }), close: () => client.end() };
}

function drizzleNodePostgres({ url, max }) {
  const pool = new pg.Pool({ connectionString: url, max });
  return { orm: 'drizzle', db: overNodePostgres(pool, { schema }), close: () => pool.end() };
}

const KINDS = {
  prisma,
  'drizzle-postgres-js': drizzlePostgresJs,
  'drizzle-node-postgres': drizzleNodePostgres,
};

/** `kind`: a key of KINDS; `max`: connections of the pool; for Prisma `tags`: the operation's name in a comment of
 *  each statement, and `named`: prepared statements that are kept. Returns {orm, db, close}. */
export function openDatabase(kind, options) {
  if (!Object.hasOwn(KINDS, kind)) {
    throw new Error(`DB is ${kind}, not one of ${Object.keys(KINDS).join(', ')}`);
  }
  return KINDS[kind](options);
}
