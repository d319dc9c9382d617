// Logs in once for each line of the input, `driver port tls|plain user password`, and answers each with a line: `works USER`, or
// the error's code and message. The authority whose certificates are trusted: NODE_EXTRA_CA_CERTS.
import pg from 'pg';
import postgres from 'postgres';
import { createInterface } from 'node:readline';

const SQL = 'SELECT current_user AS name';
const withPg = async (options, enableChannelBinding) => {
  const client = new pg.Client({ ...options, enableChannelBinding });
  client.on('error', () => {});
  try {
    await client.connect();
    return (await client.query(SQL)).rows[0].name;
  } finally {
    await client.end().catch(() => {});
  }
};
const drivers = {
  pg: (options) => withPg(options, false),
  'pg binding': (options) => withPg(options, true),
  postgres: async (options) => {
    const sql = postgres({ ...options, max: 1, fetch_types: false, ssl: options.ssl && { ...options.ssl, servername: 'localhost' } });
    try {
      return (await sql.unsafe(SQL))[0].name;
    } finally {
      await sql.end();
    }
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [driver, port, leg, user, password] = line.split('\t');
  const options = { host: '127.0.0.1', port: Number(port), user, password, database: 'postgres', ssl: leg === 'tls' ? {} : false };
  await drivers[driver](options).then((name) => console.log(`works ${name}`), (error) => console.log(`${error.code} ${error.message}`));
}
