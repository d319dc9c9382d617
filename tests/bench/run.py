#!/usr/bin/python3
"""Measures what stands between pgbench and PostgreSQL: nothing, a relay that parses nothing, Parallax with shadowing off,
Parallax with every statement shadowed; with --tls also TLS, direct and on both legs of Parallax. Interleaved rounds; medians with their spread. Figures are only comparable within
one run on one machine."""
import argparse
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'integration'))
from support.certificates import Authority  # noqa: E402
from support.cluster import Cluster  # noqa: E402
from support.proxy import Parallax, rule  # noqa: E402

TICK = os.sysconf('SC_CLK_TCK')
ACCOUNT = rule('SELECT abalance FROM pgbench_accounts WHERE aid = :aid',
               'select "abalance" from "pgbench_accounts" where "pgbench_accounts"."aid" = :aid')
DIRECT_TLS, BOTH_TLS = 'direct, TLS', 'parallax, off, TLS both legs'
COLUMNS = (('tps', '1/s', 0), ('cpu', 'us/tx', 2), ('average', 'ms', 3), ('p50', 'ms', 3), ('p99', 'ms', 3))


def cpu_seconds(pid):
    """User and system time of a process, all threads."""
    with open(f'/proc/{pid}/stat', encoding='ascii') as file:
        fields = file.read().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def thread_seconds(pid):
    """The same by thread name."""
    times = {}
    for task in pathlib.Path(f'/proc/{pid}/task').iterdir():
        head, _, tail = (task / 'stat').read_text().rpartition(')')
        name = head.partition('(')[2].rstrip('0123456789-')
        fields = tail.split()
        times[name] = times.get(name, 0) + (int(fields[11]) + int(fields[12])) / TICK
    return times


def percentile(sorted_values, share):
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * share))]


def pgbench(port, seconds, clients, tls):
    """One run; latencies of each transaction from pgbench's own log (field 3, microseconds)."""
    with tempfile.TemporaryDirectory() as directory:
        done = subprocess.run(['pgbench', '-n', '-S', '-M', 'prepared', '-c', str(clients), '-j', '1', '-T', str(seconds), '-l',
                               '--log-prefix', f'{directory}/log', '-h', '127.0.0.1', '-p', str(port), '-U', 'postgres', 'postgres'],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                              env={**os.environ, 'PGSSLMODE': 'require' if tls else 'disable'})
        if done.returncode != 0:
            sys.exit(done.stdout)
        latencies = []
        for log in pathlib.Path(directory).iterdir():
            with open(log, encoding='ascii') as file:
                latencies += [int(line.split(' ', 3)[2]) for line in file]
    if not latencies:
        sys.exit(f'no transaction in {seconds} s:\n{done.stdout}')
    latencies.sort()
    return {'transactions': len(latencies), 'tps': len(latencies) / seconds, 'average': statistics.fmean(latencies) / 1e3,
            'p50': percentile(latencies, 0.50) / 1e3, 'p99': percentile(latencies, 0.99) / 1e3}


def measure(subject, seconds, clients):
    pid = subject['pid']
    before = cpu_seconds(pid) if pid else 0
    run = pgbench(subject['port'], seconds, clients, subject.get('tls', False))
    run['cpu'] = (cpu_seconds(pid) - before) / run['transactions'] * 1e6 if pid else 0.0
    return run


def summary(runs, key):
    """Median and half the distance between the extremes, in percent of the median."""
    values = [run[key] for run in runs]
    middle = statistics.median(values)
    return middle, (max(values) - min(values)) / 2 / middle * 100 if middle else 0.0


def print_table(results):
    width = max(map(len, results))
    print(f'{"":<{width}}' + ''.join(f'  {key + " " + unit:>17}' for key, unit, _ in COLUMNS))
    for name, runs in results.items():
        cells = []
        for key, _, digits in COLUMNS:
            middle, spread = summary(runs, key)
            cells.append('-' if not middle else f'{middle:.{digits}f} ±{spread:4.1f}%')
        print(f'{name:<{width}}' + ''.join(f'  {cell:>17}' for cell in cells))


def ratios(results):
    """The goals of the README as ratios of medians: (what, value)."""
    def ratio(above, below, key):
        bottom = summary(results[below], key)[0]
        return summary(results[above], key)[0] / bottom if bottom else float('nan')
    off, on, relay = 'parallax, off', 'parallax, shadow 100%', 'relay'
    found = [('CPU per transaction, shadowing off / relay', ratio(off, relay, 'cpu'))]
    for key in ('average', 'p50', 'p99'):
        found.append((f'latency {key}, shadowing off / relay', ratio(off, relay, key)))
        found.append((f'latency {key}, shadowing off / direct', ratio(off, 'direct', key)))
        found.append((f'latency {key}, shadow 100% / off', ratio(on, off, key)))
    if DIRECT_TLS in results:
        found.append(('CPU per transaction, TLS on both legs / plain', ratio(BOTH_TLS, off, 'cpu')))
        for key in ('average', 'p50', 'p99'):
            found.append((f'latency {key}, TLS on both legs / direct TLS', ratio(BOTH_TLS, DIRECT_TLS, key)))
    return found


def tls_proxy(cluster, stack):
    directory = stack.enter_context(tempfile.TemporaryDirectory())
    authority = Authority(directory)
    cluster.enable_tls(*authority.issue('server'))
    certificate, key = authority.issue('proxy')
    return Parallax(f'{cluster.url()}?sslmode=verify-full&sslrootcert={authority.root}',
                    {'mode': 'off', 'workers': 1, 'tls': {'cert': str(certificate), 'key': str(key)}})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--parallax', required=True)
    parser.add_argument('--relay', required=True)
    parser.add_argument('--seconds', type=int, default=10, help='of each pgbench run')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--clients', type=int, default=16)
    parser.add_argument('--scale', type=int, default=10)
    parser.add_argument('--tls', action='store_true', help='also over TLS')
    parser.add_argument('--json', help='write every run to this file')
    options = parser.parse_args()
    os.environ['PARALLAX_BIN'] = str(pathlib.Path(options.parallax).resolve())
    import support.proxy
    support.proxy.BINARY = os.environ['PARALLAX_BIN']

    with contextlib.ExitStack() as stack:
        cluster = stack.enter_context(Cluster(shared_buffers="'512MB'"))
        subprocess.run(['pgbench', '-i', '-q', '-s', str(options.scale), cluster.url()], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        cluster.psql('CREATE EXTENSION pg_prewarm; SELECT pg_prewarm($$pgbench_accounts$$), pg_prewarm($$pgbench_accounts_pkey$$)')
        relay = subprocess.Popen(['setpriv', '--pdeathsig', 'KILL', options.relay, str(cluster.port)], stdout=subprocess.PIPE, text=True)
        rules = {'rules': {'account': ACCOUNT}, 'sample': 1.0, 'workers': 1}
        try:
            with Parallax(cluster.url(), {**rules, 'mode': 'off'}) as off, Parallax(cluster.url(), {**rules, 'mode': 'shadow'}) as on:
                on.wait_verified()
                subjects = {
                    'direct': {'port': cluster.port, 'pid': None},
                    'relay': {'port': int(relay.stdout.readline()), 'pid': relay.pid},
                    'parallax, off': {'port': off.port, 'pid': off.process.pid},
                    'parallax, shadow 100%': {'port': on.port, 'pid': on.process.pid},
                }
                if options.tls:
                    secured = stack.enter_context(tls_proxy(cluster, stack))
                    subjects[DIRECT_TLS] = {'port': cluster.port, 'pid': None, 'tls': True}
                    subjects[BOTH_TLS] = {'port': secured.port, 'pid': secured.process.pid, 'tls': True}
                results = {name: [] for name in subjects}
                for name, subject in subjects.items():
                    measure(subject, 2, options.clients)  # warms caches
                for number in range(options.rounds):
                    order = list(subjects) if number % 2 == 0 else list(reversed(subjects))
                    for name in order:
                        results[name].append(measure(subjects[name], options.seconds, options.clients))
                        if name.startswith('parallax, shadow'):
                            on.settled(120)  # its queue must not run on into the next subject's time
                    print(f'round {number + 1} of {options.rounds}', file=sys.stderr)
                metrics = on.settled(120)
                threads = thread_seconds(on.process.pid)
        finally:
            relay.terminate()
            relay.wait()

    print(f'pgbench -S -M prepared -c {options.clients}, scale {options.scale}, {options.rounds} rounds of {options.seconds} s, '
          f'{os.cpu_count()} cores for everything together; median ± half the range\n')
    print_table(results)
    print()
    for what, value in ratios(results):
        print(f'{what:<48} {value:6.3f}')
    operations, compared = metrics.sum('operations_total'), metrics.sum('verdicts_total')
    print(f'\nshadow: {operations:.0f} operations, {compared:.0f} compared, {metrics.sum("dropped_total"):.0f} dropped '
          f'({metrics.nonzero("dropped_total", "reason")}), verdicts {metrics.nonzero("verdicts_total", "verdict")}')
    print('CPU of the shadowing Parallax by thread name, seconds: '
          + ', '.join(f'{name} {seconds:.2f}' for name, seconds in sorted(threads.items())))
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(results, indent=1) + '\n')


if __name__ == '__main__':
    main()
