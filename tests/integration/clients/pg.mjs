// node-postgres: the same script direct and proxied, output compared.   node pg.mjs URL
import { createRequire } from 'node:module';

const require = createRequire(`${process.env.PARALLAX_NODE_PACKAGES}/`);
const pg = require('pg');

const show = (label, value) => console.log(label, JSON.stringify(value));
const failure = (error) => ({ code: error.code, message: error.message, severity: error.severity, position: error.position });
const client = new pg.Client({ connectionString: process.argv[2] });
client.on('notice', (notice) => show('notice', notice.message));
client.on('notification', ({ channel, payload }) => show('notification', { channel, payload }));
await client.connect();

show('simple', (await client.query('SELECT id, name FROM item WHERE id = 7')).rows);
for (const id of [1, 14, 999, null]) show('parameter', (await client.query('SELECT id, name FROM item WHERE id = $1', [id])).rows);
for (let n = 0; n < 3; n += 1) {
  show('named', (await client.query({ name: 'by-id', text: 'SELECT id, name, price, added FROM item WHERE id = $1', values: [n] })).rows);
}
show('arrays', (await client.query('SELECT $1::int[] AS a, $2::jsonb AS j, $3::bytea AS b', [[1, null, 3], { x: [1.5] }, Buffer.from([0, 1, 255])])).rows);
show('row mode', (await client.query({ text: 'SELECT id, id AS id FROM item ORDER BY id LIMIT 3', rowMode: 'array' })).rows);
show('several', (await client.query('SELECT 1 AS a; SELECT 2 AS b')).map((result) => result.rows));
await client.query('SELECT 1/0').catch((error) => show('error', failure(error)));
await client.query('SELECT $1::int', ['x']).catch((error) => show('error', failure(error)));
await client.query('SELECT noisy(2)');
show('empty', (await client.query('')).command);
await client.query('BEGIN');
show('insert', (await client.query('INSERT INTO sink VALUES ($1, $2) RETURNING *', [1, 'x'])).rows);
await client.query('ROLLBACK');
await client.query('LISTEN news');
await client.query("SELECT pg_notify('news', 'hello')");
show('queued', await Promise.all([1, 2, 3, 4, 5].map(async (n) => (await client.query('SELECT $1::int AS n', [n])).rows[0].n)));
const big = 'y'.repeat(2_000_000);
show('big', (await client.query('SELECT length($1::text) AS n, $1::text = repeat($2, 2000000) AS same', [big, 'y'])).rows);
await client.end();

const pool = new pg.Pool({ connectionString: process.argv[2], max: 4 });
const all = await Promise.all(Array.from({ length: 40 }, async (_, n) => (await pool.query('SELECT id FROM item WHERE id = $1', [n])).rowCount));
show('pool', all);
await pool.end();
