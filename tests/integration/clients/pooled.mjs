// What an application may do behind a pooler in transaction mode, with node-postgres and postgres.js. Where to connect: PGHOST
// and so on.
import pg from 'pg';
import Cursor from 'pg-cursor';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import postgres from 'postgres';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { digest, fails, once, pause, runCases, said, show, test } from './script.mjs';

const BY_ID = 'SELECT id, name FROM item WHERE id = $1';
const ids = (count) => Array.from({ length: count }, (_, n) => n);

test('pg: queries', async () => {
  const client = new pg.Client();
  client.on('notice', (notice) => show('notice', said(notice)));
  await client.connect();
  const rows = async (...query) => (await client.query(...query)).rows;
  for (const id of [1, 14, 999, null]) show('row', await rows(BY_ID, [id]));
  show('literal', await rows('SELECT id, name FROM item WHERE id = 7'));
  show('several', (await client.query('SELECT 1 AS a; SELECT id, name FROM item WHERE id = 7')).map((result) => result.rows));
  show('binary', await rows({ text: 'SELECT id, price, added FROM item WHERE id = $1', values: [3], binary: true }));
  await fails('division', client.query('SELECT 1/0'));
  await fails('position', client.query('SELECT nmae FROM item WHERE id = $1', [1]));
  show('noisy', await rows('SELECT noisy($1)', [3]));
  show('empty', (await client.query('')).command);
  show('queued', await Promise.all(ids(30).map(async (n) => (await client.query(BY_ID, [n])).rows[0])));
  await client.end();
});
test('pg: transactions, cursors, COPY', async () => {
  const client = new pg.Client();
  await client.connect();
  const rows = async (...query) => (await client.query(...query)).rows;
  await client.query('BEGIN');
  show('insert', await rows('INSERT INTO sink VALUES ($1, $2) RETURNING *', [1, 'x']));
  await client.query('SAVEPOINT a');
  await fails('inside', client.query('SELECT 1/0'));
  await fails('aborted', client.query(BY_ID, [1]));
  await client.query('ROLLBACK TO a');
  const cursor = client.query(new Cursor('SELECT id FROM item WHERE id < $1 ORDER BY id', [6]));
  show('cursor', [await cursor.read(2), await cursor.read(2), await cursor.read(2)]);
  await cursor.close();
  await client.query('ROLLBACK');
  await client.query('BEGIN');
  await pipeline(Readable.from(ids(20000).map((n) => `${n}\tünï ${n}\n`)), client.query(copyFrom('COPY sink FROM STDIN')));
  const chunks = [];
  for await (const chunk of client.query(copyTo('COPY sink TO STDOUT'))) chunks.push(chunk);
  show('copied', digest(Buffer.concat(chunks)));
  await client.query('ROLLBACK');
  const large = '0123456789'.repeat(300000);
  show('large', digest((await rows('SELECT $1::text AS t', [large]))[0].t));
  await client.end();
});
test('pg: pool, cancel, end', async () => {
  const pool = new pg.Pool({ max: 8 });
  show('pool', (await Promise.all(ids(200).map((n) => pool.query(BY_ID, [n])))).map(({ rows }) => rows[0]));
  const client = await pool.connect();
  const query = new pg.Query('SELECT pg_sleep(60)');
  const failed = once(query, 'error');
  client.query(query);
  while ((await pool.query("SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep'")).rows.length === 0) await pause(10);
  const other = new pg.Client();
  other.cancel(client, query);
  show('cancelled', said(await failed));
  client.release();
  await pool.end();
});
test('postgres.js', async () => {
  const sql = postgres({ max: 4, prepare: false, fetch_types: false, onnotice: (notice) => show('notice', said(notice)) });
  for (const id of [1, 14, 999]) show('row', await sql`SELECT id, name FROM item WHERE id = ${id}`);
  show('first', await sql`SELECT id FROM item ORDER BY id LIMIT ${5}`);
  await fails('division', sql`SELECT 1/${0}::int`);
  show('simple', await sql.unsafe('SELECT id, name FROM item WHERE id = 8'));
  await sql.begin(async (inside) => {
    await inside`INSERT INTO sink VALUES (${1}, ${'x'})`;
    show('inside', await inside`SELECT * FROM sink`);
    await inside`DELETE FROM sink`;
  });
  await sql.end();
});

await runCases();
