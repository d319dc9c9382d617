"""A throwaway PostgreSQL 15: own directory, free port on 127.0.0.1, stopped and removed at the end.

PostgreSQL refuses root, so as root its programs run as the user `postgres`."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

BIN = pathlib.Path('/usr/lib/postgresql/15/bin')
# A test that is killed takes its servers along. (The parent is the thread that starts the process, so servers are started
# by the main thread.)
DIES_WITH_PARENT = ['setpriv', '--pdeathsig', 'QUIT']
SCENARIO = pathlib.Path(__file__).resolve().parents[3] / 'deploy' / 'scenario'


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def account():
    """Keyword arguments that make a child process one that PostgreSQL accepts."""
    return {'user': 'postgres', 'group': 'postgres', 'extra_groups': []} if os.geteuid() == 0 else {}


class Cluster:
    """`hba`: lines of pg_hba.conf (default: everybody is trusted). `settings`: of postgresql.conf."""

    def __init__(self, hba=None, **settings):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix='parallax-pg-'))
        os.chmod(self.directory, 0o755)
        if os.geteuid() == 0:
            shutil.chown(self.directory, 'postgres', 'postgres')
        self.data = self.directory / 'data'
        self.log = self.directory / 'server.log'
        self.host = '127.0.0.1'
        self.process = None
        self._run('initdb', '-D', self.data, '-U', 'postgres', '-E', 'UTF8', '--locale=C.UTF-8', '--auth=trust', '--no-sync')
        self.port = free_port()  # behind what takes seconds, in which another could get it
        values = {'port': self.port, 'listen_addresses': "'127.0.0.1'", 'unix_socket_directories': "''", 'fsync': 'off',
                  'synchronous_commit': 'off', 'full_page_writes': 'off', 'max_connections': 300,
                  'autovacuum': 'off', 'log_min_messages': 'warning', **settings}
        with open(self.data / 'postgresql.conf', 'a', encoding='utf-8') as file:
            file.writelines(f'{key} = {value}\n' for key, value in values.items())
        if hba:
            self.write_hba(hba)
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.destroy()

    def _run(self, program, *arguments):
        done = subprocess.run([BIN / program, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, cwd='/', check=False, **account())
        if done.returncode != 0:
            raise RuntimeError(f'{program}: {done.stdout}')

    def write_hba(self, lines):
        (self.data / 'pg_hba.conf').write_text('\n'.join(lines) + '\n')

    def start(self):
        with open(self.log, 'ab') as log:
            self.process = subprocess.Popen([*DIES_WITH_PARENT, BIN / 'postgres', '-D', self.data], stdout=log, stderr=log,
                                            cwd='/', **account())
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if subprocess.run([BIN / 'pg_isready', '-q', '-h', self.host, '-p', str(self.port)], check=False).returncode == 0:
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError(f'PostgreSQL did not start: {self.log.read_text()}')

    def stop(self, mode='fast'):
        """fast: sessions are ended with 57P01; immediate: as a crash."""
        if self.process is None:
            return
        self.process.send_signal({'fast': signal.SIGINT, 'immediate': signal.SIGQUIT}[mode])
        self.process.wait(timeout=60)
        self.process = None

    def reload(self):
        self.process.send_signal(signal.SIGHUP)
        time.sleep(0.3)

    def enable_tls(self, certificate, key, authority=None):
        """From here on the server offers TLS with these files (`authority`: it asks clients for a certificate)."""
        for source, name in ((certificate, 'server.crt'), (key, 'server.key'), (authority, 'root.crt')):
            if source:
                shutil.copy(source, self.data / name)
                os.chmod(self.data / name, 0o600)
                if os.geteuid() == 0:
                    shutil.chown(self.data / name, 'postgres', 'postgres')
        self.psql("ALTER SYSTEM SET ssl = 'on'")
        if authority:
            self.psql("ALTER SYSTEM SET ssl_ca_file = 'root.crt'")
        self.reload()

    def processes(self):
        """The postmaster and its children."""
        listing = subprocess.run(['pgrep', '-P', str(self.process.pid)], stdout=subprocess.PIPE, text=True, check=False)
        return [self.process.pid, *map(int, listing.stdout.split())]

    def freeze(self):
        for pid in self.processes():
            os.kill(pid, signal.SIGSTOP)

    def thaw(self):
        for pid in self.processes():
            os.kill(pid, signal.SIGCONT)

    def destroy(self):
        self.stop('immediate')
        shutil.rmtree(self.directory, ignore_errors=True)

    def url(self, user='postgres', database='postgres', password=None, port=None):
        secret = f':{password}' if password else ''
        return f'postgresql://{user}{secret}@{self.host}:{port or self.port}/{database}'

    def psql(self, sql, database='postgres', user='postgres', password=None):
        """Runs the SQL direct; returns unaligned rows as text."""
        done = subprocess.run(['psql', '-qXAtv', 'ON_ERROR_STOP=1', self.url(user, database, password)], input=sql,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f'psql: {done.stderr}')
        return done.stdout.strip()

    def load_scenario(self, database='pinpoint', owner='app', password=None):
        """The scenario's schema and data, owned by an ordinary role."""
        secret = f" PASSWORD '{password}'" if password else ''
        self.psql(f'CREATE ROLE {owner} LOGIN{secret}')
        self.psql(f'CREATE DATABASE {database} OWNER {owner}')
        for name in ('schema.sql', 'seed.sql'):
            self.psql(f'SET ROLE {owner};\n' + (SCENARIO / name).read_text(), database)
