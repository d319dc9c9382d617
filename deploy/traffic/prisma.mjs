// What the scenario's application sends through Prisma 7 with the driver adapter `pg`: its texts and parameters
// (statements.json), its pool, its transactions.   node prisma.mjs URL ROUNDS
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const pg = require('pg');

const [url, rounds = '5'] = process.argv.slice(2);
const statements = JSON.parse(readFileSync(new URL('./statements.json', import.meta.url), 'utf8'));
const pool = new pg.Pool({ connectionString: url, max: 3 });

// One operation's statements run on several connections of the pool at the same time, as Prisma's do.
async function readEverything() {
  const results = await Promise.all(statements.map(({ sql, params }) =>
    params.length > 0 ? pool.query({ text: sql, values: params }) : pool.query(sql)));
  return results.reduce((rows, result) => rows + result.rows.length, 0);
}

// An interactive transaction: reads, writes, then counts what it has written.
async function resolveIssue(id) {
  const find = statements.find((s) => s.operation === 'issueRouter.byId').sql;
  const count = statements.find((s) => s.operation === 'issueRouter.openOnMachine').sql;
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const { rows: [issue] } = await client.query({ text: find, values: [id, '1', '0'] });
    await client.query({
      text: 'UPDATE "public"."issues" SET "status" = CAST($1::text AS "public"."IssueStatus"), "updatedAt" = $2 WHERE ("public"."issues"."id" = $3 AND 1=1)',
      values: ['RESOLVED', '2026-01-02 03:04:05.678', id],
    });
    await client.query({ text: count, values: [issue.machineId, 'RESOLVED', '0'] });
    await client.query('COMMIT');
  } finally {
    client.release();
  }
}

let rows = 0;
for (let round = 0; round < Number(rounds); round += 1) {
  rows += await readEverything();
  await resolveIssue(`iss_${String(12 + round).padStart(5, '0')}`);
}
await pool.end();
console.log(`node pg: ${rounds} rounds, ${rows} rows`);
