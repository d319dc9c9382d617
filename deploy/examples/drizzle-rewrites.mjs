// Writes down what Drizzle would send, for `parallax learn --rewrites`: where the new code does not run yet, or not for every
// operation. Run it where drizzle-orm and your schema are; nothing is sent to a database.
//
//   node drizzle-rewrites.mjs > rewrites.json
//   parallax learn -c parallax.yaml --rewrites rewrites.json --out rules.yaml
//
// The names are those that the application's tags carry (/*operation='userRouter.byEmail'*/), the values such as it sends.
import { asc, eq } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/postgres-js';
import { pgTable, text } from 'drizzle-orm/pg-core';

const users = pgTable('users', { id: text('id').primaryKey(), email: text('email').notNull() }); // import yours instead
const db = drizzle.mock();

const queries = {
  'userRouter.byEmail': db.select().from(users).where(eq(users.email, 'ann@example.test')),
  'userRouter.all': db.select({ id: users.id }).from(users).orderBy(asc(users.id)),
};

const rewrites = Object.entries(queries).map(([operation, query]) => ({ operation, ...query.toSQL() }));
process.stdout.write(`${JSON.stringify(rewrites, null, 2)}\n`);
