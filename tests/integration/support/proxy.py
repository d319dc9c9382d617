"""Parallax as the tests run it: own configuration file, free ports, addresses read from its log."""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / 'deploy'))
from report import Metrics, law_violations  # noqa: E402  (the same reader as the demonstration's)

BINARY = os.environ.get('PARALLAX_BIN', str(ROOT / 'build' / 'release' / 'parallax'))
# A sanitizer's allocator keeps freed memory, so limits on memory mean nothing there; and everything is slower.
SANITIZED = os.environ.get('PARALLAX_SANITIZED', '') not in ('', '0')
PATIENCE = 4 if SANITIZED else 1

ADDRESSES = {
    'listen': re.compile(r'listening on (\S+):(\d+)'),
    'metrics': re.compile(r'metrics on http://([0-9.]+):(\d+)'),
    'admin': re.compile(r'admin on http://([0-9.]+):(\d+)'),
}
LISTENER = re.compile(r'listener=(\S+) .*listening on (\S+):(\d+)')


def wait_for(done, seconds=10, what='the condition', step=0.02):
    """Polls until `done()` is true and returns what it returned; AssertionError when it is not in time."""
    deadline = time.monotonic() + seconds * PATIENCE
    while True:
        result = done()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f'not within {seconds * PATIENCE:.0f} s: {what}')
        time.sleep(step)


def rule(legacy, rewrite, **more):
    return {'legacy': legacy, 'rewrite': rewrite, **more}


class Parallax:
    """`config`: keys of the configuration file as a dict (written as JSON, which YAML reads); listen, metrics and admin
    default to free ports, workers to 2, the governor to off."""

    def __init__(self, upstream, config=None, arguments=(), environment=None, ready=True, command='run'):
        self.directory = tempfile.TemporaryDirectory(prefix='parallax-test-')
        base = pathlib.Path(self.directory.name)
        self.config_path = base / 'parallax.yaml'
        self.log_path = base / 'parallax.log'
        config = config or {}
        one = {} if 'listeners' in config else {'listen': '127.0.0.1:0', 'upstream': upstream}
        # Tests count what is compared; what a busy machine makes of the load is test_governor.py's matter.
        shadow = {'governor': {'enabled': False}, **config.get('shadow', {})}
        settings = {**one, 'workers': 2, 'metrics': {'listen': '127.0.0.1:0'}, 'admin': {'listen': '127.0.0.1:0'}, **config, 'shadow': shadow}
        self.config_path.write_text(json.dumps(settings, indent=1))
        self.log = open(self.log_path, 'wb')
        self.process = subprocess.Popen(['setpriv', '--pdeathsig', 'KILL', BINARY, command, '-c', self.config_path, *arguments],
                                        stdout=self.log, stderr=self.log, env={**os.environ, **(environment or {})})
        self.host = '127.0.0.1'
        try:
            self._find_addresses()
            if ready:
                wait_for(self.ready, 10, '/readyz answers 200')
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            sys.stderr.write(f'--- log of parallax ---\n{self.log_text()[-6000:]}\n---\n')
        self.stop()

    def log_text(self):
        return self.log_path.read_text(errors='replace')

    def _find_addresses(self):
        def all_there():
            text = self.log_text()
            found = {name: pattern.search(text) for name, pattern in ADDRESSES.items()}
            if self.process.poll() is not None:
                raise AssertionError(f'parallax ended with status {self.process.returncode}:\n{text}')
            return found if all(found.values()) else None
        found = wait_for(all_there, 15, f'addresses in the log:\n{self.log_text()}')
        self.port = int(found['listen'].group(2))
        # By name, in the order of the configuration.
        self.listeners = {name: (host.strip('[]'), int(port)) for name, host, port in LISTENER.findall(self.log_text())}
        self.metrics_url = f'http://127.0.0.1:{found["metrics"].group(2)}/metrics'
        self.admin_url = f'http://127.0.0.1:{found["admin"].group(2)}'

    def status(self, path):
        """HTTP status of the admin listener; 0 when it does not answer."""
        try:
            with urllib.request.urlopen(self.admin_url + path, timeout=5) as response:
                return response.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def ready(self):
        return self.status('/readyz') == 200

    def url(self, user='postgres', database='postgres', password=None, **parameters):
        secret = f':{password}' if password else ''
        query = '&'.join(f'{key}={value}' for key, value in parameters.items())
        return f'postgresql://{user}{secret}@127.0.0.1:{self.port}/{database}' + (f'?{query}' if query else '')

    def scrape_text(self):
        with urllib.request.urlopen(self.metrics_url, timeout=10) as response:
            return response.read().decode()

    def metrics(self):
        return Metrics(self.scrape_text())

    def wait_verified(self, seconds=20):
        """Until no rule is unverified."""
        wait_for(lambda: self.metrics().sum('rule_state', state='unverified') == 0, seconds, 'rules verified')

    def states(self):
        return {labels['rule']: labels['state'] for labels, value in self.metrics().series('rule_state') if value}

    def settled(self, seconds=30):
        """Waits until nothing is in flight and the counters stand still, and returns the metrics. The law must hold."""
        last = [None]

        def idle():
            metrics = self.metrics()
            now = (metrics.sum('operations_total'), metrics.sum('verdicts_total'), metrics.sum('skipped_total'))
            still = now == last[0] and metrics.sum('in_flight') == 0
            last[0] = now
            return metrics if still else None
        metrics = wait_for(idle, seconds, 'nothing in flight', 0.1)
        violations = law_violations(metrics)
        if violations:
            raise AssertionError('the counters do not add up: ' + '; '.join(violations))
        return metrics

    def resident_bytes(self):
        with open(f'/proc/{self.process.pid}/status', encoding='ascii') as file:
            return int(re.search(r'VmRSS:\s+(\d+) kB', file.read()).group(1)) * 1024

    def open_files(self):
        return len(os.listdir(f'/proc/{self.process.pid}/fd'))

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def stop(self, seconds=20):
        """SIGTERM; returns the exit status. Killed when it does not end in time."""
        if self.process.poll() is None:
            self.terminate()
            try:
                self.process.wait(timeout=seconds * PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f'did not end within {seconds} s of SIGTERM:\n{self.log_text()[-4000:]}') from None
        if self.log.closed:
            return self.process.returncode
        self.log.close()
        log = self.log_text()
        self.directory.cleanup()
        if self.process.returncode != 0:
            raise AssertionError(f'exit status {self.process.returncode}:\n{log[-4000:]}')
        return 0


class PeakMemory:
    """Samples the resident memory of a Parallax until the block ends."""

    def __init__(self, proxy, interval=0.01):
        self.proxy, self.interval, self.peak = proxy, interval, 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def _sample(self):
        while not self._end.wait(self.interval):
            self.peak = max(self.peak, self.proxy.resident_bytes())

    def __enter__(self):
        self.start = self.proxy.resident_bytes()
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join()

    def growth(self):
        return max(0, self.peak - self.start)
