// node-postgres with pg-cursor, pg-query-stream and pg-copy-streams. Where to connect: PGHOST, PGPORT and so on.
import pg from 'pg';
import Cursor from 'pg-cursor';
import QueryStream from 'pg-query-stream';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { digest, fails, once, pause, runCases, said, show, test } from './script.mjs';

const BY_ID = 'SELECT id, name FROM item WHERE id = $1';
// Each case has its own session, so that a SET in one hides nothing of the next.
const withClient = (run, config = {}) => async () => {
  const client = new pg.Client(config);
  client.on('notice', (notice) => show('notice', said(notice)));
  client.on('notification', ({ channel, payload }) => show('notification', { channel, payload }));
  await client.connect();
  await run(client);
  await client.end();
};
const rows = async (client, ...query) => (await client.query(...query)).rows;
const asleep = withClient(async (client) => {
  while ((await rows(client, "SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep'")).length === 0) await pause(10);
});

test('simple queries', withClient(async (client) => {
  for (const id of [1, 14, 999]) show('row', await rows(client, `SELECT id, name FROM item WHERE id = ${id}`));
  const result = await client.query('SELECT id, name, price, added FROM item WHERE id < 4 ORDER BY id');
  show('fields', result.fields.map((field) => [field.name, field.dataTypeID, field.dataTypeSize, field.format, field.columnID]));
  show('rows', result.rows);
}));
test('text parameters and NULL', withClient(async (client) => {
  for (const id of [1, 14, 999, null]) show('row', await rows(client, BY_ID, [id]));
  show('null', await rows(client, 'SELECT $1::text AS a, $2::int AS b, $3::text AS c', [null, undefined, '']));
}));
test('binary parameters and results', withClient(async (client) => {
  show('buffer', await rows(client, BY_ID, [Buffer.from([0, 0, 0, 9])]));
  show('bytea', await rows(client, 'SELECT $1::bytea AS b, length($1::bytea) AS n', [Buffer.from([0, 1, 255, 92])]));
}));
// This driver reads every cell as UTF-8 first, also in binary; what is shown survives that.
test('results in binary', withClient(async (client) => {
  for (const id of [1, 14, 999]) show('row', await rows(client, BY_ID, [id]));
  show('kinds', await rows(client, 'SELECT id, name, true AS t, ARRAY[1, 2] AS a FROM item WHERE id = $1', [3]));
}, { binary: true }));
test('kinds of values', withClient(async (client) => {
  show('numbers', await rows(client, `SELECT 12345678901234567890.123456789::numeric AS n, 'NaN'::numeric AS nan,
    '-Infinity'::float8 AS inf, 9007199254740993::int8 AS big, 1e-7::float4 AS f`));
  show('times', await rows(client, `SELECT $1::timestamptz AS z, '2024-02-29'::date AS d, '1 mon 2 days'::interval AS i,
    '24:00'::time AS t`, [new Date(1709210096789)]));
  show('json', await rows(client, 'SELECT $1::json AS j, $2::jsonb AS b', [{ a: [1, null, 'ü'] }, '{"b": 1.50, "a": "☃"}']));
  show('arrays', await rows(client, 'SELECT $1::int[] AS a, $2::text[] AS t, $3::jsonb[] AS j', [[1, null, 3], ['a,b', '"', null, ''], [{ x: 1 }]]));
  show('others', await rows(client, "SELECT $1::mood AS m, $2::uuid AS u, int4range(1, 5) AS r, ROW(1, 'x')::pair AS p",
    ['glad', '5b2f9c3e-7a58-4b1e-9a55-0a4b8e3f2d11']));
}));
test('named statements', withClient(async (client) => {
  const named = (n) => ({ name: 'by-id', text: 'SELECT id, name, price, added FROM item WHERE id = $1', values: [n] });
  for (const n of [0, 1, 2, 3]) show('row', await rows(client, named(n)));
  await client.query('DEALLOCATE ALL');
  await fails('forgotten', client.query(named(1)));
  show('after', await rows(client, BY_ID, [5]));
}));
test('changed under a prepared statement', withClient(async (client) => {
  await client.query('CREATE TEMP TABLE changing (a int)');
  const query = { name: 'changing', text: 'SELECT * FROM changing' };
  show('before', (await client.query(query)).fields.length);
  await client.query('ALTER TABLE changing ADD b text');
  await fails('after', client.query(query));
}));
test('several statements in one text', withClient(async (client) => {
  show('several', (await client.query('SELECT 1 AS a; SELECT id, name FROM item WHERE id = 7; SELECT 2 AS b')).map((result) => result.rows));
  await fails('second fails', client.query('INSERT INTO sink VALUES (1); SELECT 1/0; SELECT 2'));
  show('undone', await rows(client, 'SELECT count(*) FROM sink'));
}));
test('empty queries', withClient(async (client) => {
  for (const text of ['', ' ; ', '-- nothing']) show('empty', (await client.query(text)).command);
  show('empty with parameters', (await client.query('', [])).command);
}));
test('errors', withClient(async (client) => {
  await fails('division', client.query('SELECT 1/0'));
  await fails('position and hint', client.query('SELECT nmae FROM item WHERE id = $1', [1]));
  await fails('syntax', client.query('SELECT ü FROM FROM item'));
  await fails('parameter', client.query(BY_ID, ['x']));
  await fails('count', client.query(BY_ID, [1, 2]));
  await fails('constraint', client.query('INSERT INTO kinds (id, positive) VALUES (1, -1)'));
  await fails('raised', client.query("SELECT complain('oh')"));
  show('after', await rows(client, BY_ID, [5]));
}));
test('notices', withClient(async (client) => {
  show('noisy', await rows(client, 'SELECT noisy($1)', [3]));
  await client.query("DO $$ BEGIN RAISE WARNING 'careful' USING HINT = 'a hint', DETAIL = 'a detail', ERRCODE = '01P01'; END $$");
  await client.query('DROP TABLE IF EXISTS never_there');
}));
test('transactions and savepoints', withClient(async (client) => {
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  show('insert', await rows(client, 'INSERT INTO sink VALUES ($1, $2) RETURNING *', [1, 'x']));
  await client.query('SAVEPOINT a');
  await fails('inside', client.query('SELECT 1/0'));
  await fails('aborted', client.query(BY_ID, [1]));
  await client.query('ROLLBACK TO a');
  show('inside', await rows(client, 'SELECT * FROM sink'));
  show('status', client.getTransactionStatus());
  await client.query('ROLLBACK');
  show('outside', [await rows(client, 'SELECT * FROM sink'), client.getTransactionStatus()]);
}));
test('LISTEN and NOTIFY', withClient(async (client) => {
  const other = new pg.Client();
  await other.connect();
  await client.query('LISTEN news; LISTEN "Odd Näme"');
  for (const [channel, payload] of [['news', 'hello'], ['Odd Näme', 'x'.repeat(7999)], ['news', '']]) {
    const heard = once(client, 'notification');
    await other.query('SELECT pg_notify($1, $2)', [channel, payload]);
    await heard;
  }
  await other.end();
  await client.query("NOTIFY news, 'to myself'");
}));
test('queued', withClient(async (client) => {
  show('queued', await Promise.all(Array.from({ length: 30 }, async (_, n) => (await client.query(BY_ID, [n])).rows[0])));
}));
test('pipeline', withClient(async (client) => {
  const texts = Array.from({ length: 40 }, (_, n) => (n % 10 === 5 ? ['SELECT 1/$1::int', [0]] : [BY_ID, [n]]));
  const outcomes = await Promise.allSettled(texts.map((query) => client.query(...query)));
  show('pipelined', outcomes.map(({ value, reason }) => (value ? value.rows : said(reason).code)));
  show('after', await rows(client, BY_ID, [5]));
}, { pipeline: true }));
test('rows of an Execute', withClient(async (client) => {
  show('two at a time', (await rows(client, { text: 'SELECT id FROM item ORDER BY id LIMIT $1', values: [7], rows: 2 })).map(({ id }) => id));
}));
test('pg-cursor', withClient(async (client) => {
  const cursor = client.query(new Cursor('SELECT id FROM item ORDER BY id LIMIT $1', [7]));
  for (let count = -1; count !== 0;) {
    const some = await cursor.read(2);
    show('read', some.map(({ id }) => id));
    count = some.length;
  }
  await cursor.close();
  const early = client.query(new Cursor('SELECT generate_series(1, 1000000) AS n'));
  show('early', await early.read(3));
  await early.close();
  const broken = client.query(new Cursor('SELECT 10 / (5 - n) AS n FROM generate_series(1, 9) n'));
  show('before the error', await broken.read(4));
  await fails('broken', broken.read(4));
  show('after', await rows(client, BY_ID, [6]));
}));
test('pg-query-stream', withClient(async (client) => {
  const ids = [];
  const stream = (...query) => client.query(new QueryStream(...query));
  const slow = { batchSize: 7, highWaterMark: 3 };
  for await (const row of stream('SELECT id FROM item ORDER BY id LIMIT $1', [100], slow)) ids.push(row.id);
  show('stream', ids);
  for await (const row of stream('SELECT generate_series(1, 100000) AS n', [], { batchSize: 10 })) if (row.n === 25) break;
  show('after', await rows(client, BY_ID, [6]));
}));
test('COPY', withClient(async (client) => {
  await client.query('BEGIN');
  const lines = Array.from({ length: 20_000 }, (_, n) => `${n}\trow ${n} ü\n`);
  await pipeline(Readable.from(lines), client.query(copyFrom('COPY sink FROM STDIN')));
  show('in', await rows(client, 'SELECT count(*), sum(id), md5(string_agg(label, $$,$$ ORDER BY id)) FROM sink'));
  const chunks = [];
  for await (const chunk of client.query(copyTo('COPY sink TO STDOUT'))) chunks.push(chunk);
  show('out', digest(Buffer.concat(chunks)));
  const binary = [];
  for await (const chunk of client.query(copyTo('COPY (SELECT id, name FROM item ORDER BY id) TO STDOUT (FORMAT binary)'))) binary.push(chunk);
  show('binary', digest(Buffer.concat(binary)));
  await client.query('ROLLBACK');
  await fails('bad row', pipeline(Readable.from(['1\tone\n', 'x\ttwo\n', '3\tthree\n']), client.query(copyFrom('COPY sink FROM STDIN'))));
  show('after', await rows(client, 'SELECT count(*) FROM sink'));
}));
test('cancel', withClient(async (client) => {
  const other = new pg.Client({ ssl: false });
  const query = new pg.Query('SELECT pg_sleep(60)');
  const failed = once(query, 'error');
  client.query(query);
  await asleep();
  other.cancel(client, query);
  show('cancelled', said(await failed));
}));
// In another session: a cancel request reaches its backend as two signals, and this driver does not wait for the second.
test('timeout', withClient(async (client) => {
  await client.query("SET statement_timeout = '50ms'");
  await fails('timeout', client.query('SELECT pg_sleep(60)'));
}));
test('ten megabytes', withClient(async (client) => {
  const big = 'y'.repeat(10_000_000);
  show('text', await rows(client, 'SELECT length($1::text) AS n, $1::text = repeat($2, 10000000) AS same', [big, 'y']));
  show('back', digest((await rows(client, "SELECT repeat('0123456789', 1000000) AS big"))[0].big));
  const raw = Buffer.alloc(10_000_000, '\0\x01\xff\x0a', 'latin1');
  show('both ways', digest((await rows(client, 'SELECT $1::bytea AS b', [raw]))[0].b));
}));
test('large objects', withClient(async (client) => {
  await client.query('BEGIN');
  const [{ oid }] = await rows(client, 'SELECT lo_from_bytea(0, $1) AS oid', [Buffer.alloc(300_000, 'lo')]);
  const [{ fd }] = await rows(client, 'SELECT lo_open($1, 393216) AS fd', [oid]);
  show('read', digest((await rows(client, 'SELECT lo_lseek64($1, 1001, 0), loread($1, 250000) AS data', [fd]))[0].data));
  show('write', await rows(client, "SELECT lowrite($1, 'tail'), lo_tell64($1)", [fd]));
  await client.query('ROLLBACK');
}));
test('many columns', withClient(async (client) => {
  const list = Array.from({ length: 1600 }, (_, n) => `${n} AS column_${n}`).join(', ');
  const result = await client.query({ text: `SELECT ${list}`, rowMode: 'array' });
  show('columns', [result.fields.length, result.fields.at(-1).name, digest(result.rows[0].join())]);
  const values = Array.from({ length: 2000 }, (_, n) => n);
  show('parameters', await rows(client, `SELECT ${values.map((n) => `$${n + 1}::int`).join(' + ')} AS sum`, values));
}));
test('connection parameters', withClient(async (client) => {
  for (const name of ['application_name', 'work_mem', 'search_path', 'statement_timeout', 'lock_timeout']) {
    show(name, (await rows(client, `SHOW ${name}`))[0]);
  }
  show('by search_path', await rows(client, 'SELECT here FROM place'));
  show('row', await rows(client, BY_ID, [3]));
}, { application_name: "odd 'näme'", options: '-c work_mem=3MB -c search_path=elsewhere,public', statement_timeout: 12_345, lock_timeout: 2_345 }));
test('failing logins', async () => {
  for (const config of [{ user: 'locked_pg', password: 'wrong' }, { user: 'no_such_pg' }, { database: 'nowhere' }, { options: '-c nonsense=1' }]) {
    await fails(Object.values(config)[0], new pg.Client(config).connect());
  }
});
test('a session that the server ends', async () => {
  const client = new pg.Client();
  await client.connect();
  const gone = once(client, 'error');
  await fails('terminated', client.query('SELECT pg_terminate_backend(pg_backend_pid())'));
  show('then', (await gone).message);
});
test('pool', async () => {
  const pool = new pg.Pool({ max: 4 });
  show('rows', await Promise.all(Array.from({ length: 40 }, async (_, n) => (await pool.query(BY_ID, [n])).rowCount)));
  await pool.end();
});
await runCases();
