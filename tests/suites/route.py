"""What lies between the suites' clients and their server: nothing, or Parallax as a variant wants it."""
import collections
import contextlib
import dataclasses
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

import source

sys.path.insert(0, str(source.ROOT / 'tests' / 'integration'))
from support import proxy as proxy_module  # noqa: E402
from support.certificates import Authority  # noqa: E402
from support.cluster import Cluster, account  # noqa: E402
from support.flipping import Flipping  # noqa: E402
from support.proxy import Parallax, wait_for  # noqa: E402

# PostgreSQL's own runner starts its server with these; a session that prepares transactions needs the second.
SETTINGS = {'max_prepared_transactions': 2, 'log_min_messages': 'fatal'}

# What the hostile relay does with a suite's bytes: how many of each direction go one by one, and how large the later
# segments are. A login goes byte by byte everywhere; libpq's pipelines are small enough to go so as a whole.
SEGMENTS = {'regress': (600, 1000), 'isolation': (600, 30), 'pipeline': (100000, 4000), 'resets': (600, 1000)}
OVERLONG = {'regress': 0, 'isolation': 0, 'pipeline': 1, 'resets': 1}  # sessions with too many requests, see below


@dataclasses.dataclass(frozen=True)
class Variant:
    suite: str
    rules: int = 0        # at most so many; 0: Parallax is a plain pipe
    shadow: str = 'second'  # where replays run: the server of the direct run, or the same one as the clients' (`same`)
    tls: bool = False     # on both legs
    hostile: str = ''     # the leg that the hostile relay is on: client or server
    mode: str = 'segments'
    seed: int = 1
    rule_mode: str = 'shadow'  # with rules: shadow, strict (what is not compared passes), or flip (through all modes, every few milliseconds)

    def name(self):
        parts = ['tls'] * self.tls + [f'{self.mode}-{self.hostile}'] * bool(self.hostile)
        parts += [f'rules{self.rules}-{self.shadow}'] * bool(self.rules)
        parts += [self.rule_mode] * (self.rule_mode != 'shadow')
        return '-'.join(parts) or 'plain'


class Workplace:
    """A directory that the user of PostgreSQL's programs can write, with input and certificates; gone at the end."""

    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix='parallax-suites-'))
        self.directory.chmod(0o755)
        self.give(self.directory)
        self.issued = None
        self.suites = {}  # by name, see suites.of()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()

    def remove(self):
        shutil.rmtree(self.directory, ignore_errors=True)

    def give(self, path):
        if account():
            for each in [path, *path.rglob('*')]:
                shutil.chown(each, 'postgres', 'postgres')

    @contextlib.contextmanager
    def folder(self):
        """For what one run writes."""
        with tempfile.TemporaryDirectory(dir=self.directory) as name:
            path = pathlib.Path(name)
            self.give(path)
            yield path

    def copied(self, name, *parts):
        """The parts of a folder of the suites' source, in a directory of the same name."""
        target = self.directory / pathlib.Path(name).name
        target.mkdir()
        for part in parts:
            origin = source.tree() / name / part
            if origin.is_dir():
                shutil.copytree(origin, target / part)
            else:
                shutil.copy(origin, target / part)
        self.give(target)
        return target

    def certificates(self):
        """Paths of the authority's certificate, and of a server's certificate and key; made at first."""
        if self.issued is None:
            place = self.directory / 'tls'
            place.mkdir()
            authority = Authority(place)
            self.issued = authority.root, *authority.issue('suites', owner='postgres')
        return self.issued


def server(work, variant, **more):
    """A cluster as the variant needs it; with TLS it takes nothing else."""
    settings = {**SETTINGS, **more}
    if not variant.tls:
        return Cluster(**settings)
    ca, certificate, key = work.certificates()
    return Cluster(hba=['hostssl all all all trust'], ssl='on', ssl_ca_file=f"'{ca}'", ssl_cert_file=f"'{certificate}'",
                   ssl_key_file=f"'{key}'", **settings)


def relay_program():
    """Of the same build as Parallax; compiled here when that has none."""
    built = pathlib.Path(proxy_module.BINARY).resolve().parent / 'tests' / 'suites' / 'hostile_relay'
    if built.exists():
        return built
    code, own = pathlib.Path(__file__).with_name('hostile_relay.cc'), source.CACHE / 'hostile_relay'
    if not own.exists() or own.stat().st_mtime < code.stat().st_mtime:
        source.CACHE.mkdir(parents=True, exist_ok=True)
        source.run('g++', '-std=c++20', '-O2', code, '-luv', '-o', own)
    return own


class Relay:
    def __init__(self, port, variant):
        single, most = SEGMENTS[variant.suite]
        options = {'seed': variant.seed, 'mode': variant.mode, 'single-bytes': single, 'max-segment': most}
        words = [word for key, value in options.items() for word in (f'--{key}', str(value))]
        self.process = subprocess.Popen(['setpriv', '--pdeathsig', 'KILL', relay_program(), str(port), *words],
                                        stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[1])

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        early = self.process.poll()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        if early is not None and kind is None:
            raise AssertionError(f'the relay ended by itself with status {early}')

    def calm(self):
        """No stall and no reset from now on."""
        self.process.send_signal(signal.SIGUSR1)


@dataclasses.dataclass
class Endpoint:
    """Where the clients of one run connect to."""
    port: int
    variant: Variant
    proxy: Parallax = None
    relay: Relay = None
    files: int = 0  # that Parallax had open before the first client

    def environment(self, home):
        env = {key: value for key, value in os.environ.items() if not key.startswith('PG')}
        env.update(PGHOST='127.0.0.1', PGPORT=str(self.port), PGUSER='postgres', LC_ALL='C.UTF-8', HOME=str(home))
        if self.variant.tls:
            env.update(PGSSLMODE='require', PGCHANNELBINDING='disable')
        return env


@contextlib.contextmanager
def direct(cluster, variant):
    yield Endpoint(cluster.port, variant)


def address(work, cluster, variant, database, port=None):
    url = cluster.url(database=database, port=port)
    return url + f'?sslmode=verify-full&sslrootcert={work.certificates()[0]}' if variant.tls else url


@contextlib.contextmanager
def proxied(work, cluster, variant, database='postgres', shadow=None):
    """Through Parallax; when the block has ended well, what must be true of it afterwards is checked. `shadow`: the server
    of the replays, and the rules."""
    config = {'mode': 'off'}
    with contextlib.ExitStack() as stack:
        relay, port = None, cluster.port
        if variant.hostile == 'server':
            relay = stack.enter_context(Relay(port, variant))
            port = relay.port
        if shadow:
            replays = address(work, shadow[0], variant, database)
            mode = 'strict' if variant.rule_mode == 'strict' else 'shadow'
            config = {'mode': mode, 'strict': {'uncompared': 'allow', 'on_timeout': 'allow'}, 'sample': 1.0, 'rules': shadow[1], 'shadow': {'url': replays}}
        if variant.tls:
            _, certificate, key = work.certificates()
            config['tls'] = {'cert': str(certificate), 'key': str(key), 'mode': 'require'}
        proxy = stack.enter_context(Parallax(address(work, cluster, variant, database, port), config))
        if variant.hostile == 'client':
            relay = stack.enter_context(Relay(proxy.port, variant))
        if shadow:
            proxy.wait_verified(120)
        if variant.rule_mode == 'flip':
            stack.enter_context(Flipping(proxy))
        files = proxy.open_files()
        yield Endpoint(relay.port if variant.hostile == 'client' else proxy.port, variant, proxy, relay, files)
        check_afterwards(proxy, files, variant.suite)


def check_afterwards(proxy, files, suite):
    """Every session has gone with its descriptors, every byte was understood, the counters add up."""
    if proxy.process.poll() is not None:
        raise AssertionError(f'parallax ended with status {proxy.process.returncode}')
    wait_for(lambda: proxy.metrics().sum('sessions') == 0, 30, 'no session is left')
    metrics = settled(proxy)
    # libpq_pipeline's uniqviol sends as many requests as the buffers on the way take; it may be more than the tap follows.
    lost, overlong = metrics.sum('tap_desync_total'), proxy.log_text().count('too many requests without an answer')
    if lost != overlong or overlong > OVERLONG[suite]:
        raise AssertionError(f'the tap lost its way {lost:.0f} times\n{proxy.log_text()[-4000:]}')
    # Shadow connections and scrapes come and go; a leak of one for each session does not fit in here.
    wait_for(lambda: proxy.open_files() <= files + 8, 30, f'no more than {files} + 8 open files')


def settled(proxy, seconds=120):
    """As Parallax.settled(), in one pass over the series: there are thousands of rules."""
    last = [None]

    def idle():
        metrics = proxy.metrics()
        now = metrics.sum('operations_total')
        still = now == last[0] and metrics.sum('in_flight') == 0
        last[0] = now
        return metrics if still else None
    metrics = wait_for(idle, seconds, 'nothing in flight', 0.1)
    balance = collections.Counter()
    for name in ('operations_total', 'verdicts_total', 'skipped_total', 'dropped_total', 'in_flight'):
        for labels, value in metrics.series(name):
            balance[labels['rule']] += value if name == 'operations_total' else -value
    wrong = {rule: value for rule, value in balance.items() if value != 0}
    if wrong:
        raise AssertionError(f'the counters of these rules do not add up: {wrong}')
    return metrics
