// What the node scripts share: cases by name, printed results, errors reduced to what the server said.
import { createHash } from 'node:crypto';

const cases = [];
export const test = (name, run) => cases.push([name, run]);

const plain = (key, value) => {
  if (typeof value === 'bigint') return `${value}n`;
  return value?.type === 'Buffer' ? `\\x${Buffer.from(value.data).toString('hex')}` : value;
};
export const show = (label, value) => console.log(`  ${label} ${JSON.stringify(value, plain)}`);
export const digest = (value) => `${value.length} ${createHash('sha1').update(value).digest('hex')}`;

// Both drivers name the fields alike, but for these.
const FIELDS = ['code', 'severity', 'message', 'position', 'detail', 'hint', 'where', 'routine'];
const NAMES = [['schema', 'schema_name'], ['table', 'table_name'], ['column', 'column_name'], ['constraint', 'constraint_name']];
export const said = (error) => Object.fromEntries([...FIELDS.map((name) => [name, error[name]]),
  ...NAMES.map(([one, other]) => [one, error[one] ?? error[other]])].filter(([, value]) => value !== undefined));

// The promise must fail, by the server's word.
export const fails = async (label, promise) => {
  const outcome = await promise.then(() => { throw new Error(`${label}: no error`); }, (error) => error);
  if (!outcome.code) throw outcome;
  show(label, said(outcome));
};

export const once = (emitter, event) => new Promise((resolve) => { emitter.once(event, resolve); });
export const pause = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

// All cases, or with an argument those whose names have it. An error that a case does not expect ends the script with
// another status than 0.
export const runCases = async () => {
  const wanted = cases.filter(([name]) => name.includes(process.argv[2] ?? ''));
  for (const [name, run] of wanted) {
    console.log(`== ${name}`);
    await run();
  }
  console.log(`done ${wanted.length} cases`);
};
