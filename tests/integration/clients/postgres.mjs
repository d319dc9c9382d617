// postgres.js. Where to connect: PGHOST, PGPORT and so on.
import postgres from 'postgres';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { digest, fails, pause, runCases, said, show, test } from './script.mjs';

const connect = (options = {}) => postgres({ max: 1, onnotice: (notice) => show('notice', said(notice)), ...options });
// Each case has its own session, so that a SET in one hides nothing of the next.
const withSql = (run, options) => async () => {
  const sql = connect(options);
  await run(sql);
  await sql.end();
};
// All that a COPY stream gives. Read by events: paused by an iterator, this driver now and then misses the end.
const flowing = (stream) => new Promise((resolve, reject) => {
  const chunks = [];
  stream.on('data', (chunk) => chunks.push(chunk)).on('end', () => resolve(Buffer.concat(chunks))).on('error', reject);
});
const asleep = withSql(async (sql) => {
  while ((await sql`SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep'`).length === 0) await pause(10);
});

test('tagged queries', withSql(async (sql) => {
  for (const id of [1, 14, 999, null]) show('row', await sql`SELECT id, name FROM item WHERE id = ${id}`);
  const result = await sql`SELECT id, name, price, added FROM item WHERE id < ${4} ORDER BY id`;
  show('columns', result.columns.map(({ name, type, table, number }) => [name, type, table > 16383, number]));
  show('rows', [result.count, result.command, result]);
}));
test('unsafe', withSql(async (sql) => {
  show('simple', await sql.unsafe('SELECT id, name FROM item WHERE id = 7'));
  show('with parameters', await sql.unsafe('SELECT id, name FROM item WHERE id = $1', [5]));
  for (const id of [1, 2, 3]) show('prepared', await sql.unsafe('SELECT id, name, price, added FROM item WHERE id = $1', [id], { prepare: true }));
}));
test('without preparing', withSql(async (sql) => {
  for (const id of [1, 14, 999]) show('row', await sql`SELECT id, name FROM item WHERE id = ${id}`);
}, { prepare: false }));
test('fragments', withSql(async (sql) => {
  show('list', await sql`SELECT ${sql(['id', 'name'])} FROM ${sql('item')} WHERE id IN ${sql([3, 5, 8])} ${sql`ORDER BY id`}`);
  show('values', await sql`SELECT * FROM (VALUES ${sql([[1, 'a'], [2, 'b']])}) AS v (n, label)`);
}));
test('shapes of results', withSql(async (sql) => {
  show('values', await sql`SELECT id, id AS id FROM item ORDER BY id LIMIT ${3}`.values());
  show('raw', (await sql`SELECT id, name FROM item WHERE id = ${3}`.raw()).map((row) => row.map(String)));
  const described = await sql`SELECT id, name FROM item WHERE id = ${3}`.describe();
  show('described', [described.types, described.columns.map(({ name, type }) => [name, type])]);
  const each = [];
  await sql`SELECT id FROM item ORDER BY id LIMIT ${4}`.forEach((row) => each.push(row.id));
  show('each', each);
}));
test('kinds of values', withSql(async (sql) => {
  show('numbers', await sql`SELECT ${'12345678901234567890.123456789'}::numeric AS n, 'NaN'::numeric AS nan,
    ${'9007199254740993'}::int8 AS big, ${1e-7}::float8 AS f, ${true}::bool AS t`);
  show('times', await sql`SELECT ${new Date(1709210096789)}::timestamptz AS z, ${'2024-02-29'}::date AS d, '24:00'::time AS t`);
  show('json', await sql`SELECT ${sql.json({ a: [1, null, 'ü'] })}::json AS j, ${{ b: 1.5 }}::jsonb AS b`);
  show('arrays', await sql`SELECT ${[1, null, 3]}::int[] AS a, ${sql.array(['a,b', '"', null, ''])}::text[] AS t`);
  show('bytea', await sql`SELECT ${Buffer.from([0, 1, 255, 92])}::bytea AS b`);
  show('others', await sql`SELECT ${'glad'}::mood AS m, ${'5b2f9c3e-7a58-4b1e-9a55-0a4b8e3f2d11'}::uuid AS u, int4range(1, 5) AS r`);
  show('null', await sql`SELECT ${null}::text AS a, ${''}::text AS b`);
}));
test('several statements in one text', withSql(async (sql) => {
  show('several', await sql.unsafe('SELECT 1 AS a; SELECT id, name FROM item WHERE id = 7; SELECT 2 AS b'));
  show('simple', await sql`SELECT 1 AS a; SELECT 2 AS b`.simple());
  await fails('second fails', sql.unsafe('INSERT INTO sink VALUES (1); SELECT 1/0; SELECT 2'));
  show('undone', await sql`SELECT count(*) FROM sink`);
}));
test('empty queries', withSql(async (sql) => {
  show('empty', (await sql.unsafe('')).length);
  show('blank', (await sql.unsafe(' ; ')).length);
  show('prepared', (await sql``).length);
}));
test('errors', withSql(async (sql) => {
  await fails('division', sql`SELECT 1/0`);
  await fails('position and hint', sql`SELECT nmae FROM item WHERE id = ${1}`);
  await fails('parameter', sql`SELECT id, name FROM item WHERE id = ${'x'}`);
  await fails('constraint', sql`INSERT INTO kinds ${sql({ id: 1, positive: -1 })}`);
  await fails('raised', sql`SELECT complain(${'oh'})`);
  show('after', await sql`SELECT id, name FROM item WHERE id = ${5}`);
}));
test('notices', withSql(async (sql) => {
  show('noisy', await sql`SELECT noisy(${3})`);
  await sql.unsafe("DO $$ BEGIN RAISE WARNING 'careful' USING HINT = 'a hint', DETAIL = 'a detail', ERRCODE = '01P01'; END $$");
}));
test('pipelined', withSql(async (sql) => {
  const one = (n) => (n % 10 === 5 ? sql`SELECT 1 / ${0}::int AS n` : sql`SELECT id, name FROM item WHERE id = ${n}`);
  const queries = Array.from({ length: 40 }, (_, n) => one(n));
  const outcomes = await Promise.allSettled(queries);
  show('pipelined', outcomes.map(({ value, reason }) => (value ? [...value] : said(reason).code)));
  show('after', await sql`SELECT id, name FROM item WHERE id = ${5}`);
}));
test('cursor', withSql(async (sql) => {
  const counts = [];
  await sql`SELECT id FROM item ORDER BY id LIMIT ${7}`.cursor(2, (rows) => { counts.push(rows.map(({ id }) => id)); });
  show('two at a time', counts);
  for await (const rows of sql`SELECT generate_series(1, 1000000) AS n`.cursor(3)) { show('early', rows); break; }
  await fails('broken', sql`SELECT 10 / (5 - n) AS n FROM generate_series(1, 9) n`.cursor(2, (rows) => show('rows', rows)));
  show('after', await sql`SELECT id, name FROM item WHERE id = ${6}`);
}));
test('transactions and savepoints', withSql(async (sql) => {
  const outcome = sql.begin('ISOLATION LEVEL REPEATABLE READ', async (transaction) => {
    show('insert', await transaction`INSERT INTO sink ${transaction({ id: 1, label: 'x' })} RETURNING *`);
    await fails('savepoint', transaction.savepoint('a', (inner) => inner`SELECT 1/0`));
    show('inside', await transaction`SELECT * FROM sink`);
    throw new Error('roll back');
  });
  await outcome.catch((error) => show('rolled back', error.message));
  show('array', await sql.begin((transaction) => [transaction`SELECT 1 AS a`, transaction`SELECT id, name FROM item WHERE id = ${2}`]));
  await fails('fails', sql.begin((transaction) => [transaction`INSERT INTO sink VALUES (1)`, transaction`SELECT 1/0`]));
  show('outside', await sql`SELECT count(*) FROM sink`);
}));
test('COPY', withSql(async (sql) => {
  await sql.begin(async (transaction) => {
    const lines = Array.from({ length: 20_000 }, (_, n) => `${n}\trow ${n} ü\n`);
    await pipeline(Readable.from(lines), await transaction`COPY sink FROM STDIN`.writable());
    show('in', await transaction`SELECT count(*), sum(id), md5(string_agg(label, ',' ORDER BY id)) FROM sink`);
    show('out', digest(await flowing(await transaction`COPY sink TO STDOUT`.readable())));
    await transaction`DELETE FROM sink`;
  });
  show('binary', digest(await flowing(await sql`COPY (SELECT id, name FROM item ORDER BY id) TO STDOUT (FORMAT binary)`.readable())));
}));
test('LISTEN and NOTIFY', withSql(async (sql) => {
  const heard = [];
  for (const channel of ['news', 'Odd Näme']) await sql.listen(channel, (payload) => heard.push([channel, payload.length, payload.slice(0, 9)]));
  for (const [channel, payload] of [['news', 'hello'], ['Odd Näme', 'x'.repeat(7999)], ['news', '']]) await sql.notify(channel, payload);
  while (heard.length < 3) await pause(10);
  show('heard', heard);
}));
test('cancel', withSql(async (sql) => {
  const sleeping = sql`SELECT pg_sleep(60)`.execute();
  await asleep();
  sleeping.cancel();
  await fails('cancelled', sleeping);
}));
// In another session: a cancel request reaches its backend as two signals, and this driver does not wait for the second.
test('timeout', withSql(async (sql) => {
  await sql`SET statement_timeout = '50ms'`;
  await fails('timeout', sql`SELECT pg_sleep(60)`);
}));
test('ten megabytes', withSql(async (sql) => {
  show('text', await sql`SELECT length(${'y'.repeat(10_000_000)}::text) AS n`);
  show('back', digest((await sql`SELECT repeat('0123456789', 1000000) AS big`)[0].big));
  show('both ways', digest((await sql`SELECT ${Buffer.alloc(10_000_000, '\0\x01\xff\x0a', 'latin1')}::bytea AS b`)[0].b));
}));
test('large objects', withSql(async (sql) => {
  const object = await sql.largeObject();
  await pipeline(Readable.from([Buffer.alloc(200_000, 'lo'), Buffer.from('tail')]), await object.writable());
  show('size', await object.size());
  await object.close();
  const [{ oid }] = await sql`SELECT max(oid) AS oid FROM pg_largeobject_metadata`;
  const again = await sql.largeObject(oid);
  const chunks = [];
  for await (const chunk of await again.readable({ start: 1000 })) chunks.push(chunk);
  show('read', digest(Buffer.concat(chunks)));
  await again.truncate(10);
  show('size', await again.size());
  await again.close();
  show('unlinked', await sql`SELECT lo_unlink(${oid})`);
}));
test('many columns', withSql(async (sql) => {
  const list = Array.from({ length: 1600 }, (_, n) => `${n} AS column_${n}`).join(', ');
  const [row] = await sql.unsafe(`SELECT ${list}`).values();
  show('columns', [row.length, digest(row.join())]);
  const values = Array.from({ length: 2000 }, (_, n) => n);
  show('parameters', await sql.unsafe(`SELECT ${values.map((n) => `$${n + 1}::int`).join(' + ')} AS sum`, values));
}));
test('reserved session', withSql(async (sql) => {
  const [one, other] = await Promise.all([sql.reserve(), sql.reserve()]);
  await one`CREATE TEMP TABLE mine AS SELECT 1 AS a`;
  show('mine', await one`SELECT * FROM mine`);
  await fails('not mine', other`SELECT * FROM mine`);
  one.release();
  other.release();
}, { max: 2 }));
test('connection parameters', withSql(async (sql) => {
  show('settings', await sql`SELECT current_setting('application_name') AS a, current_setting('work_mem') AS w,
    current_setting('search_path') AS s, current_setting('statement_timeout') AS t`);
  show('by search_path', await sql`SELECT here FROM place`);
  show('row', await sql`SELECT id, name FROM item WHERE id = ${3}`);
}, { connection: { application_name: "odd 'näme'", options: '-c work_mem=3MB', search_path: 'elsewhere,public', statement_timeout: 12_345 } }));
test('failing logins', async () => {
  const all = [{ user: 'locked_postgres', password: 'wrong' }, { user: 'no_such_postgres' }, { database: 'nowhere' }, { connection: { nonsense: '1' } }];
  for (const options of all) {
    const sql = connect(options);
    await fails(Object.keys(options)[0], sql`SELECT 1`);
    await sql.end();
  }
});
test('a session that the server ends', async () => {
  const closed = [];
  const sql = connect({ onclose: (id) => closed.push(id) });
  const [{ pid }] = await sql`SELECT pg_backend_pid() AS pid`;
  await withSql(async (other) => { show('terminated', await other`SELECT pg_terminate_backend(${pid}, 5000)`); })();
  while (closed.length === 0) await pause(10);
  show('connects again', await sql`SELECT id, name FROM item WHERE id = ${3}`);
  await sql.end();
});
test('pool', withSql(async (sql) => {
  show('rows', await Promise.all(Array.from({ length: 40 }, async (_, n) => (await sql`SELECT id, name FROM item WHERE id = ${n}`).length)));
}, { max: 4 }));
await runCases();
