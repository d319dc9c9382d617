// The application's own test suite, as a team has it: each test in a transaction that is rolled back, with fixtures that no
// other connection ever sees. `node --test suite.mjs`, with DB and DATABASE_URL as in run.mjs; TIMES: how often each test does
// its work (1).
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { sql } from 'drizzle-orm';
import { callerOf } from './src/app.mjs';
import { openDatabase } from './src/databases.mjs';

const { orm, db, close } = openDatabase(process.env.DB ?? 'prisma', { url: process.env.DATABASE_URL, max: 2 });
after(close);

class RollBack extends Error {}

/** Runs `body` in a transaction with fixtures, and undoes all of it; TIMES times. */
async function rolledBack(body) {
  for (let left = Number(process.env.TIMES ?? 1); left > 0; left -= 1) await once(body);
}

async function once(body) {
  const inside = async (transaction) => {
    const run = (statement) => (orm === 'prisma' ? transaction.$executeRawUnsafe(statement) : transaction.execute(sql.raw(statement)));
    await run(`insert into users (id, name, email, bio, "updatedAt") values ('usr_fixture', 'Fixture', 'fixture@example.test', 'a bio', now())`);
    await run(`insert into organizations (id, name, subdomain, "updatedAt") values ('org_fixture', 'Fixture', 'fixture', now())`);
    await run(`insert into roles (id, name, permissions, "organizationId", "updatedAt") values ('rol_fixture', 'Fixture', '{a,b}', 'org_fixture', now())`);
    await run(`insert into memberships (id, "userId", "organizationId", "roleId") values ('mem_fixture', 'usr_fixture', 'org_fixture', 'rol_fixture')`);
    await body(callerOf({ orm, db: transaction }));
    throw new RollBack();
  };
  try {
    await db.$transaction?.(inside) ?? await db.transaction(inside);
  } catch (error) {
    if (!(error instanceof RollBack)) throw error;
  }
}

test('userRouter.byEmail', () => rolledBack(async (call) => {
  assert.equal((await call('userRouter.byEmail', { email: 'fixture@example.test' })).id, 'usr_fixture');
}));

test('userRouter.unverified', () => rolledBack(async (call) => {
  const users = await call('userRouter.unverified', { take: 500 });
  assert.ok(users.some(({ id }) => id === 'usr_fixture'));
}));

test('organizationRouter.bySubdomain', () => rolledBack(async (call) => {
  assert.equal((await call('organizationRouter.bySubdomain', { subdomain: 'fixture' })).id, 'org_fixture');
}));

test('roleRouter.allowing', () => rolledBack(async (call) => {
  assert.ok((await call('roleRouter.allowing', { permission: 'a' })).length >= 1);
}));

test('userRouter.getProfile', () => rolledBack(async (call) => {
  const profile = await call('userRouter.getProfile', { id: 'usr_fixture' });
  assert.deepEqual(profile.memberships.map(({ role }) => role.name), ['Fixture']);
}));
