"""One script, five runs: direct, through Parallax with shadowing off, with it on, in strict mode, where every right answer is
held and passes, and while the mode flips between the three. The outputs must be the same."""
import dataclasses
import os
import pathlib
import re
import subprocess
import tempfile

from support import transcript
from support.canary import Canary
from support.certificates import Authority
from support.cluster import Cluster
from support.flipping import Flipping
from support.proxy import PATIENCE, Parallax, wait_for

CLIENTS = pathlib.Path(__file__).resolve().parent
TIMEOUT = 90  # seconds for one run of a script, which takes two
USER, PASSWORD, DATABASE = 'driver', 'drivers-secret', 'drivers'
SCHEMA = transcript.SCHEMA + """
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE TYPE pair AS (number int, label text);
CREATE TABLE kinds (id int PRIMARY KEY, positive int CONSTRAINT is_positive CHECK (positive > 0));
CREATE SCHEMA elsewhere;
CREATE TABLE elsewhere.place AS SELECT 'elsewhere' AS here;
CREATE FUNCTION complain(text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION USING MESSAGE = $1, DETAIL = 'the detail', HINT = 'the hint', ERRCODE = 'P1234',
    SCHEMA = 'one', TABLE = 'two', COLUMN = 'three', DATATYPE = 'four', CONSTRAINT = 'five'; END $$;
"""


# What is no port in the scripts' output, and would be taken for one.
SQLSTATES = {40000, 40001, 40002, 40003, 42000, 42501, 42601, 42602, 42611, 42622, 42701, 42702, 42703, 42704, 42710, 42712, 42723, 42725, 42803, 42804,
             42809, 42830, 42846, 42883, 42939, 44000, 53000, 53100, 53200, 53300, 53400, 54000, 54001, 54011, 54023, 55000, 55006, 57000, 57014}


def listening(make):
    """What `make()` starts, on a port that no SQLSTATE looks like."""
    while True:
        server = make()
        if server.port not in SQLSTATES:
            return server
        server.destroy() if isinstance(server, Cluster) else server.stop()


@dataclasses.dataclass
class Run:
    status: int
    output: str


class Rig:
    """A PostgreSQL that asks for SCRAM, and Parallaxes in front of it: one that shadows, one that does not. With `tls`,
    TLS on every leg."""

    def __init__(self, tls=False):
        self.directory = tempfile.TemporaryDirectory(prefix='parallax-drivers-')
        self.root, proxy_settings, query = None, {'limits': {'auth_failures': 1000}}, ''
        self.leg = {'sslmode': 'require', 'channel_binding': 'disable'} if tls else {}  # of a client's URL
        host = 'hostssl' if tls else 'host'
        self.cluster = listening(lambda: Cluster(hba=['host all postgres 127.0.0.1/32 trust',
                                                      f'{host} all all 127.0.0.1/32 scram-sha-256'],
                                                 max_prepared_transactions=4))
        if tls:
            authority = Authority(self.directory.name)
            self.root = authority.root
            self.cluster.enable_tls(*authority.issue('server'))
            certificate, key = authority.issue('parallax')
            # allow: a client may send its cancel request in plain text, as libpq and node-postgres do
            proxy_settings['tls'] = {'cert': str(certificate), 'key': str(key), 'mode': 'allow'}
            query = f'?sslmode=verify-full&sslrootcert={authority.root}'
        self.cluster.psql(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'")
        for driver in ('psql', 'pg', 'postgres', 'psycopg', 'asyncpg', 'jdbc'):  # for logins that fail, each its own
            self.cluster.psql(f"CREATE ROLE locked_{driver} LOGIN PASSWORD '{PASSWORD}'")
        self.cluster.psql(f'CREATE DATABASE {DATABASE} OWNER {USER}')
        self.cluster.psql(f'SET ROLE {USER};\n{SCHEMA}', DATABASE)
        upstream = self.cluster.url(USER, DATABASE, PASSWORD) + query
        self.on = listening(lambda: Parallax(upstream, {'rules': transcript.RULES, 'sample': 1.0, **proxy_settings}))
        self.proxies = [self.on]
        strict = {'strict': {'uncompared': 'allow', 'timeout': '20s'}, 'rules': transcript.RULES, 'sample': 1.0}
        self.flipped = listening(lambda: Parallax(upstream, {**strict, **proxy_settings}))
        if not tls:  # where shadowing is off, TLS is no other than where it is on
            self.proxies.append(listening(lambda: Parallax(upstream, {'mode': 'off', **proxy_settings})))
            self.proxies.append(listening(lambda: Parallax(upstream, {'mode': 'strict', **strict, **proxy_settings})))
        self.on.wait_verified()
        self.flipped.wait_verified()

    def destroy(self):
        for proxy in [*self.proxies, self.flipped]:
            proxy.stop()
        self.cluster.destroy()
        self.directory.cleanup()

    def environment(self, server):
        """libpq's variables for this server. All drivers here read most of them; JDBC's script does it itself."""
        values = {'PGHOST': '127.0.0.1', 'PGPORT': str(server.port), 'PGUSER': USER, 'PGPASSWORD': PASSWORD,
                  'PGDATABASE': DATABASE,
                  'PGSSLMODE': 'disable', 'PGTZ': 'UTC', 'TZ': 'UTC', 'LC_ALL': 'C.UTF-8', 'PGCONNECT_TIMEOUT': '20',
                  'NODE_NO_WARNINGS': '1', 'PYTHONDONTWRITEBYTECODE': '1'}
        if self.root:  # a hop with its own certificate cannot pass channel binding on
            values.update(PGSSLMODE='verify-full', PGSSL='verify-full', PGSSLROOTCERT=str(self.root),
                          NODE_EXTRA_CA_CERTS=str(self.root),
                          PGCHANNELBINDING='disable')
        return {**{key: value for key, value in os.environ.items() if not key.startswith('PG')}, **values}

    def run(self, server, *command, given=None):
        try:
            done = subprocess.run(list(map(str, command)), input=given, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True,
                                  timeout=TIMEOUT * PATIENCE, check=False, env=self.environment(server))
        except subprocess.TimeoutExpired as late:
            said = (late.output or b'')[-2000:].decode(errors='replace')
            raise AssertionError(f'{command[-1]} not done in {late.timeout} s; it said last:\n{said}') from late
        # what differs by itself: the port, temporary OIDs and process ids that programs print
        output = re.sub(rf'(?<![\w.]){server.port}(?!\w)', 'PORT', done.stdout)  # the number itself, not digits of another
        output = re.sub(r'(lo_import|lo_unlink|large object) \d+', r'\1 N', re.sub(r'\b(PID|pid) \d+', 'PID N', output))
        return Run(done.returncode, output)


class Comparison:
    """Mixed into a TestCase that has `rig`."""

    def same(self, *command, given=None, status=0, covered=1, verdicts=0, flips=0):
        """The output of the command, which is the same in all runs. `covered`, `verdicts`: how many operations the rules
        must have matched, and how many of them must have been compared. `flips`: how often the mode must have changed in
        the run, or runs, in which it does."""
        direct = self.rig.run(self.rig.cluster, *command, given=given)
        self.assertEqual(status, direct.status, direct.output)
        before = self.rig.on.settled()
        for proxy in self.rig.proxies:
            self.assertEqual(direct, self.rig.run(proxy, *command, given=given))
            self.check_ended(proxy)
        after = self.rig.on.settled()
        done = after.sum('operations_total') - before.sum('operations_total')
        self.assertGreaterEqual(done, covered)
        self.assertGreaterEqual(after.sum('verdicts_total') - before.sum('verdicts_total'), verdicts)
        self.check_matched(after)
        self.check_while_flipping(direct, command, given, done, flips)
        return direct.output

    def check_ended(self, proxy):
        wait_for(lambda: proxy.metrics().sum('sessions') == 0, 10, 'no session is left')
        self.assertEqual(0, proxy.metrics().sum('tap_desync_total'))

    def check_matched(self, metrics):
        for rule in ('item.byId', 'item.first'):
            verdicts = metrics.nonzero('verdicts_total', 'verdict', rule=rule)
            self.assertEqual({}, {name: count for name, count in verdicts.items() if name != 'match'})

    def check_while_flipping(self, direct, command, given, operations, flips):
        """The same again, beside a session whose statement strict mode refuses. No operation is lost between the modes."""
        proxy = self.rig.flipped
        before, runs = proxy.settled(), 0
        canary = Canary('SELECT count(*) FROM item WHERE id < 5', (4,), conninfo=proxy.url(USER, DATABASE, PASSWORD, **self.rig.leg))
        with canary, Flipping(proxy) as flipping:
            while runs == 0 or flipping.count() < flips:
                self.assertEqual(direct, self.rig.run(proxy, *command, given=given), f'after {flipping.count()} flips')
                runs += 1
        self.check_ended(proxy)
        after = proxy.settled()
        done = after.sum('operations_total') - before.sum('operations_total') - canary.passed - canary.refused
        self.assertEqual(operations * runs, done)
        self.check_matched(after)
        if flips:
            self.assertGreater(min(canary.passed, canary.refused), 0, 'strict mode held, and the others did not')

    def assert_says(self, output, expected):
        """Every expected text is in the output, in this order, so that nothing of it can have been left out."""
        at = 0
        for text in expected:
            found = output.find(text, at)
            self.assertGreaterEqual(found, 0, f'not in the output (or not in this order): {text}\n{output[-6000:]}')
            at = found + len(text)
