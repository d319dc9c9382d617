#!/usr/bin/python3
"""Debian's Prometheus scrapes Parallax, and promtool has nothing to say about what it exports."""
import json
import pathlib
import re
import subprocess
import tempfile
import unittest
import urllib.parse
import urllib.request

import psycopg

from support import transcript
from support.cluster import Cluster, free_port
from support.proxy import ROOT, Parallax, wait_for


class Prometheus(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.destroy)
        cls.cluster.psql(transcript.SCHEMA)
        cls.proxy = Parallax(cls.cluster.url(), {'sample': 1.0, 'rules': transcript.RULES})
        cls.addClassCleanup(cls.proxy.stop)

    def test_every_series_exists_from_the_start(self):
        with Parallax(self.cluster.url(), {'mode': 'shadow', 'rules': transcript.RULES}) as proxy:
            metrics = proxy.metrics()
            for rule in transcript.RULES:
                for name, count in (('operations_total', 1), ('verdicts_total', 7), ('skipped_total', 18), ('dropped_total', 3),
                                    ('in_flight', 1), ('mismatches_total', 10), ('rule_state', 4), ('sample_ratio', 1),
                                    ('rule_info', 1), ('vacuous_matches_total', 1)):
                    self.assertEqual(count, len(metrics.series(name, rule=rule)), f'{name} of {rule}')
                for name in ('live_duration_seconds', 'paired_duration_seconds'):
                    buckets = metrics.series(f'{name}_bucket', rule=rule, side='legacy')
                    self.assertTrue(2 <= len(buckets) <= 11, f'{len(buckets)} buckets of {name}')

    def test_promtool(self):
        with psycopg.connect(self.proxy.url(), autocommit=True) as session:
            session.execute('SELECT id, name FROM item WHERE id = %s', [3])
        self.proxy.settled()
        done = subprocess.run(['promtool', 'check', 'metrics'], input=self.proxy.scrape_text(), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(('', 0), (done.stdout, done.returncode))

    def test_alerts(self):
        """They fire where they should and nowhere else, and ask for series that are there, by labels that they have."""
        place = ROOT / 'deploy' / 'prometheus'
        done = subprocess.run(['promtool', 'test', 'rules', 'alerts_test.yaml'], cwd=place, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
        self.assertEqual(0, done.returncode, done.stdout)
        exported = self.proxy.scrape_text()
        text = (place / 'alerts.yaml').read_text()
        asked = set(re.findall(r'\bparallax_\w+', text))
        self.assertGreater(len(asked), 10)
        for name in asked - {'parallax_tls_certificate_expiry_timestamp_seconds'}:  # without TLS there is none
            self.assertRegex(exported, rf'(?m)^{name}[ {{]')
        for label, values in re.findall(r'\{(\w+)=~?"([^"]+)"\}', text):
            for value in values.split('|'):
                self.assertIn(f'{label}="{value}"', exported)

    def test_content_type_and_other_paths(self):
        with urllib.request.urlopen(self.proxy.metrics_url, timeout=5) as response:
            self.assertTrue(response.headers['Content-Type'].startswith('text/plain'))
        base = self.proxy.metrics_url.removesuffix('/metrics')
        for path in ('/other', '/metrics/more', '/healthz'):
            with self.assertRaises(urllib.error.HTTPError) as raised:
                urllib.request.urlopen(base + path, timeout=5)
            self.assertEqual(404, raised.exception.code)
        self.assertEqual((200, 200), (self.proxy.status('/healthz'), self.proxy.status('/readyz')))

    def test_labels_never_come_from_clients(self):
        size = len(self.proxy.scrape_text().splitlines())
        for number in range(50):
            self.cluster.psql(f'DROP ROLE IF EXISTS client_{number}; CREATE ROLE client_{number} LOGIN')
            with psycopg.connect(self.proxy.url(f'client_{number}'), application_name=f'application {number}') as session:
                session.execute(f'SELECT {number} AS column_{number}')
        self.proxy.settled()
        self.assertEqual(size, len(self.proxy.scrape_text().splitlines()))

    def test_scraped(self):
        with tempfile.TemporaryDirectory() as directory:
            base = pathlib.Path(directory)
            target = urllib.parse.urlparse(self.proxy.metrics_url).netloc
            (base / 'prometheus.yml').write_text(json.dumps({
                'global': {'scrape_interval': '1s', 'scrape_timeout': '1s'},
                'scrape_configs': [{'job_name': 'parallax', 'static_configs': [{'targets': [target]}]}]}))
            port = free_port()
            with open(base / 'log', 'wb') as log:
                server = subprocess.Popen(['setpriv', '--pdeathsig', 'KILL', 'prometheus', f'--config.file={base}/prometheus.yml',
                                           f'--storage.tsdb.path={base}/data', f'--web.listen-address=127.0.0.1:{port}'],
                                          stdout=log, stderr=log)
            try:
                def ask(query):
                    url = f'http://127.0.0.1:{port}/api/v1/query?' + urllib.parse.urlencode({'query': query})
                    try:
                        with urllib.request.urlopen(url, timeout=5) as response:
                            result = json.load(response)['data']['result']
                    except OSError:
                        return None
                    return float(result[0]['value'][1]) if result else None
                with psycopg.connect(self.proxy.url(), autocommit=True) as session:
                    for number in range(25):
                        session.execute('SELECT id, name FROM item WHERE id = %s', [number + 1])
                wanted = self.proxy.settled().sum('operations_total', rule='item.byId')
                wait_for(lambda: ask('up{job="parallax"}') == 1, 30, 'up is 1', 0.2)
                wait_for(lambda: ask('parallax_operations_total{rule="item.byId"}') == wanted, 10, 'the counter arrives', 0.2)
                # the law, as a query: nothing is left over
                wait_for(lambda: ask('count(parallax_operations_total - on(rule) (sum by(rule)(parallax_verdicts_total) '
                                     '+ on(rule) sum by(rule)(parallax_skipped_total) + on(rule) sum by(rule)(parallax_dropped_total) '
                                     '+ on(rule) parallax_in_flight) == 0)') == len(transcript.RULES), 10, 'the law holds', 0.2)
                self.assertIsNotNone(ask('histogram_quantile(0.5, parallax_live_duration_seconds_bucket{rule="item.byId"})'))
                self.assertEqual(1, ask('count(parallax_build_info)'))
                self.assertGreater(ask('process_resident_memory_bytes or parallax_process_resident_memory_bytes'), 0)
            finally:
                server.terminate()
                server.wait(timeout=30)


if __name__ == '__main__':
    unittest.main(verbosity=2)
