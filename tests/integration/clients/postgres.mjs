// postgres.js: the same script direct and proxied, output compared.   node postgres.mjs URL
import { createRequire } from 'node:module';

const require = createRequire(`${process.env.PARALLAX_NODE_PACKAGES}/`);
const postgres = require('postgres');

const show = (label, value) => console.log(label, JSON.stringify(value));
const failure = (error) => ({ code: error.code, message: error.message, severity: error.severity });
const sql = postgres(process.argv[2], { max: 1, onnotice: (notice) => show('notice', notice.message) });

show('simple', await sql.unsafe('SELECT id, name FROM item WHERE id = 7'));
for (const id of [1, 14, 999, null]) show('parameter', await sql`SELECT id, name FROM item WHERE id = ${id}`);
for (const id of [1, 2]) show('prepared', await sql.unsafe('SELECT id, name, price, added FROM item WHERE id = $1', [id], { prepare: true }));
show('described first', await sql.unsafe('SELECT id, name FROM item WHERE id = $1', [5]));
show('several', await sql.unsafe('SELECT 1 AS a; SELECT 2 AS b'));
await sql`SELECT 1/0`.catch((error) => show('error', failure(error)));
await sql`SELECT * FROM missing WHERE id = ${1}`.catch((error) => show('error', failure(error)));
await sql.unsafe('SELECT noisy(2)');
const numbers = [];
await sql`SELECT id FROM item ORDER BY id`.cursor(9, (rows) => { numbers.push(rows.length); });
show('cursor', numbers);
show('pipelined', await Promise.all([1, 2, 3, 4, 5, 6].map((n) => sql`SELECT ${n}::int AS n`)));
await sql.begin(async (transaction) => {
  show('insert', await transaction`INSERT INTO sink ${transaction({ id: 1, label: 'x' })} RETURNING *`);
  await transaction.savepoint(async (inner) => { await inner`SELECT 1/0`; }).catch((error) => show('savepoint', failure(error)));
  show('inside', await transaction`SELECT count(*) FROM sink`);
  throw new Error('roll back');
}).catch((error) => show('rolled back', error.message));
const copied = [];
for await (const chunk of await sql`COPY (SELECT id FROM item ORDER BY id LIMIT 5) TO STDOUT`.readable()) copied.push(chunk.toString());
show('copy', copied.join(''));
const { unlisten } = await sql.listen('news', (payload) => show('notification', payload));
await sql.notify('news', 'hello');
await new Promise((resolve) => { setTimeout(resolve, 200); });
await unlisten();
const sleeping = sql`SELECT pg_sleep(30)`.execute();
setTimeout(() => sleeping.cancel(), 200);
await sleeping.catch((error) => show('cancelled', failure(error)));
await sql.end();
