// Calls procedures of the application and prints their results as JSON lines.
//
//   DB=prisma|drizzle-postgres-js|drizzle-node-postgres DATABASE_URL=… node run.mjs <plan.json
//
// The plan: {calls: [{path, input}], atOnce: 1, pool: 5, seed: null, rounds: 1, tags: false, named: false, seconds: null,
// quiet: false, together: false}.
// Each round makes all calls, `atOnce` at a time, shuffled by the seed if there is one, or all in one turn with `together`;
// with `seconds` rounds begin until they are over.
// A line for each call of the plan in each round: {round, call, result} or {round, call, error}, where `call` counts the
// plan's calls from 0; `quiet` leaves out results. The last line is {done: number of calls, errors: number of errors}.
import { text } from 'node:stream/consumers';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createApp, procedures } from './src/app.mjs';

/** Numbers in [0, 1) that the seed decides (mulberry32). */
function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function shuffled(items, random) {
  const all = [...items];
  for (let last = all.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [all[last], all[other]] = [all[other], all[last]];
  }
  return all;
}

/** What both ORMs' results have in common as JSON: bigint as text, numeric as a number, bytes in hexadecimal. */
function plain(value) {
  if (typeof value === 'bigint') return value.toString();
  if (value === null || typeof value !== 'object') return value;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (typeof value.toDecimalPlaces === 'function') return value.toNumber();
  if (Array.isArray(value)) return value.map(plain);
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, plain(value[key])]));
}

async function runPlan(app, { calls, atOnce = 1, seed = null, rounds = 1, seconds = null, quiet = false, together = false }, print) {
  const random = randomFrom(seed ?? 0);
  const end = seconds === null ? Infinity : performance.now() + seconds * 1000;
  let done = 0;
  let errors = 0;
  const one = async (round, call) => {
    const { path, input } = calls[call];
    try {
      const result = plain(await app.call(path, input));
      if (!quiet) print({ round, call, result: result ?? null });
    } catch (error) {
      errors += 1;
      print({ round, call, path, error: String(error?.message ?? error) });
    }
    done += 1;
  };
  for (let round = 0; seconds === null ? round < rounds : performance.now() < end; round += 1) {
    const order = seed === null ? [...calls.keys()] : shuffled(calls.keys(), random);
    if (together) {
      await Promise.all(order.map((call) => one(round, call)));
      continue;
    }
    const waiting = order.reverse();
    const work = async () => {
      // Each worker begins in a turn of its own: Prisma puts findUnique calls of one turn together.
      for (let call = waiting.pop(); call !== undefined; call = waiting.pop()) {
        await nextTurn();
        await one(round, call);
      }
    };
    const workers = [];
    for (let worker = 0; worker < atOnce; worker += 1) {
      workers.push(work());
      await nextTurn();
    }
    await Promise.all(workers);
  }
  return { done, errors };
}

const plan = JSON.parse(await text(process.stdin));
const unknown = plan.calls.filter(({ path }) => !procedures.includes(path));
if (unknown.length > 0) throw new Error(`no procedure ${unknown[0].path}`);
const app = createApp({
  kind: process.env.DB ?? 'prisma', url: process.env.DATABASE_URL, max: plan.pool, tags: plan.tags, named: plan.named,
});
const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
print(await runPlan(app, plan, print));
await app.close();
