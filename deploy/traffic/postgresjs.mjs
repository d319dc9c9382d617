// The same statements through postgres.js: Parse/Describe/Flush, then Bind/Execute/Sync; statements without parameters
// pipelined.   node postgresjs.mjs URL ROUNDS
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const postgres = require('postgres');

const [url, rounds = '5'] = process.argv.slice(2);
const statements = JSON.parse(readFileSync(new URL('./statements.json', import.meta.url), 'utf8'));
const sql = postgres(url, { max: 2, onnotice: () => {} });
// postgres.js asks the server for each parameter's type and serialises a boolean from a boolean.
const value = (text) => (text === 'true' ? true : text === 'false' ? false : text);

let rows = 0;
for (let round = 0; round < Number(rounds); round += 1) {
  for (const { operation, sql: text, params } of statements) {
    // Its serialisers for json and arrays would encode these texts a second time.
    if (operation === 'machineRouter.freePlay') continue;
    const parameters = params.map(value);
    const result = parameters.length > 0 ? await sql.unsafe(text, parameters) : await sql.unsafe(text);
    rows += result.length;
  }
  const total = statements.find((s) => s.operation === 'issueRouter.total').sql;
  const many = await Promise.all([1, 2, 3, 4].map(() => sql.unsafe(total)));
  rows += many.length;
}
await sql.end();
console.log(`node postgres: ${rounds} rounds, ${rows} rows`);
