#!/usr/bin/python3
"""Measures what stands between pgbench and PostgreSQL: nothing, a relay that parses nothing, Parallax with shadowing off,
Parallax with every statement shadowed; with --tls also TLS, direct and on both legs of Parallax. Then, at a rate at which every statement is compared, what one comparison costs and
what clients feel of it. Interleaved rounds; medians with their spread. Figures are only comparable within one run on one machine."""
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
RULES = {'rules': {'account': ACCOUNT}, 'sample': 1.0, 'workers': 1}
SHADOW_THREAD = 'shadow'
DIRECT_TLS, BOTH_TLS = 'direct, TLS', 'parallax, off, TLS both legs'
COLUMNS = (('tps', '1/s', 0), ('cpu', 'us/tx', 2), ('average', 'ms', 3), ('p50', 'ms', 3), ('p99', 'ms', 3))


def cpu_seconds(pid):
    """Time of a process on a CPU, all threads that are alive."""
    return sum(int((task / 'schedstat').read_text().split()[0]) for task in pathlib.Path(f'/proc/{pid}/task').iterdir()) / 1e9


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


def pgbench(port, seconds, clients, tls=False, rate=None, core=None, script=None):
    """One run of `script` (a path; otherwise -S), as fast as it goes or `rate` transactions a second; latencies of each
    transaction from pgbench's own log (field 3, microseconds)."""
    pinned = [] if core is None else ['taskset', '-c', str(core)]
    paced = [] if rate is None else ['-R', str(rate)]
    with tempfile.TemporaryDirectory() as directory:
        done = subprocess.run([*pinned, 'pgbench', '-n', *(['-f', script] if script else ['-S']), '-M', 'prepared', '-c', str(clients), '-j', '1', '-T', str(seconds),
                               *paced, '-l', '--log-prefix', f'{directory}/log', '-h', '127.0.0.1', '-p', str(port), '-U', 'postgres', 'postgres'],
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


def compared_cost(off, on, options):
    """CPU that Parallax spends on one compared statement beyond passing it on, in microseconds: a list, one for each round
    at a rate at which every statement is compared; and the share that was."""
    costs, shares = [], []
    for _ in range(options.rounds):
        before = cpu_seconds(off.process.pid)
        transactions = pgbench(off.port, options.seconds, options.clients, rate=options.rate)['transactions']
        passed_on = (cpu_seconds(off.process.pid) - before) / transactions
        compared, before = on.settled(120).sum('verdicts_total'), cpu_seconds(on.process.pid)
        transactions = pgbench(on.port, options.seconds, options.clients, rate=options.rate)['transactions']
        compared = on.settled(120).sum('verdicts_total') - compared
        spent = cpu_seconds(on.process.pid) - before
        costs.append((spent - passed_on * transactions) / compared * 1e6)
        shares.append(compared / transactions)
    return costs, min(shares)


def pin(pid, core, but=None):
    """All threads of a process to one core, those named `but` to the other."""
    for task in pathlib.Path(f'/proc/{pid}/task').iterdir():
        name = (task / 'comm').read_text().strip()
        os.sched_setaffinity(int(task.name), {1 - core if but and name.startswith(but) else core})


def own_core(options, upstream):
    """Latencies of clients with shadowing off and on, where the shadow's thread and a server of its own have core 1 and all
    else has core 0: rounds by name."""
    results = {'own core, off': [], 'own core, shadow 100%': []}
    with Cluster(shared_buffers="'256MB'") as shadow:
        fill(shadow, options.scale)
        pin(upstream.process.pid, 0)
        pin(shadow.process.pid, 1)
        config = {**RULES, 'shadow': {'url': shadow.url() + '?sslmode=disable'}}
        with Parallax(upstream.url(), {**config, 'mode': 'off'}) as off, Parallax(upstream.url(), {**config, 'mode': 'shadow'}) as on:
            on.wait_verified()
            for proxy in (off, on):
                pin(proxy.process.pid, 0, SHADOW_THREAD)
            for number in range(options.rounds):
                pairs = list(zip(results, (off, on)))
                for name, proxy in pairs if number % 2 == 0 else reversed(pairs):
                    results[name].append({**pgbench(proxy.port, options.seconds, options.clients, rate=options.rate, core=0), 'cpu': 0.0})
                    proxy.settled(120)
            compared = on.settled().sum('verdicts_total')
        os.sched_setaffinity(upstream.process.pid, range(os.cpu_count()))
    return results, compared


def fill(cluster, scale):
    subprocess.run(['pgbench', '-i', '-q', '-s', str(scale), cluster.url()], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    cluster.psql('CREATE EXTENSION pg_prewarm; SELECT pg_prewarm($$pgbench_accounts$$), pg_prewarm($$pgbench_accounts_pkey$$)')


def tls_proxy(cluster, stack):
    directory = stack.enter_context(tempfile.TemporaryDirectory())
    authority = Authority(directory)
    cluster.enable_tls(*authority.issue('server'))
    certificate, key = authority.issue('proxy')
    return Parallax(f'{cluster.url()}?sslmode=verify-full&sslrootcert={authority.root}',
                    {'mode': 'off', 'workers': 1, 'tls': {'cert': str(certificate), 'key': str(key)}})


def everything(options, cluster, stack):
    """What stands between pgbench and PostgreSQL, as fast as it goes."""
    relay = subprocess.Popen(['setpriv', '--pdeathsig', 'KILL', options.relay, str(cluster.port)], stdout=subprocess.PIPE, text=True)
    try:
        with Parallax(cluster.url(), {**RULES, 'mode': 'off'}) as off, Parallax(cluster.url(), {**RULES, 'mode': 'shadow'}) as on:
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
            metrics, threads = on.settled(120), thread_seconds(on.process.pid)
    finally:
        relay.terminate()
        relay.wait()
    print_table(results)
    print()
    for what, value in ratios(results):
        print(f'{what:<48} {value:6.3f}')
    print(f'\nshadow: {metrics.sum("operations_total"):.0f} operations, {metrics.sum("verdicts_total"):.0f} compared, '
          f'{metrics.sum("dropped_total"):.0f} dropped ({metrics.nonzero("dropped_total", "reason")}), '
          f'verdicts {metrics.nonzero("verdicts_total", "verdict")}')
    print('CPU of the shadowing Parallax by thread name, seconds: '
          + ', '.join(f'{name} {seconds:.2f}' for name, seconds in sorted(threads.items())))
    return results


def comparison(options, cluster):
    """What comparing costs where every statement is compared."""
    with Parallax(cluster.url(), {**RULES, 'mode': 'off'}) as off, Parallax(cluster.url(), {**RULES, 'mode': 'shadow'}) as on:
        on.wait_verified()
        costs, share = compared_cost(off, on, options)
    print(f'\nat {options.rate} statements a second, {share * 100:.0f} % compared at least:')
    print(f'CPU of one compared statement beyond passing it on, us: {statistics.median(costs):.1f} ({min(costs):.1f} to {max(costs):.1f})')
    if os.cpu_count() < 2:
        return {'compared, us': costs}
    results, compared = own_core(options, cluster)
    print(f'\nthe shadow with a core and a server of its own, {options.rate} statements a second, {compared:.0f} compared:')
    print_table(results)
    off, on = results
    for key in ('average', 'p50', 'p99'):
        print(f'{"latency " + key + ", shadow 100% / off":<48} {summary(results[on], key)[0] / summary(results[off], key)[0]:6.3f}')
    return {'compared, us': costs, **results}


def governed(options, cluster):
    """A server that is no faster than it must be, shared by clients and replays that cost three times as much: what clients
    wait with shadowing off, at 100 % without the governor, and with it."""
    reads = 'SELECT sum(abalance) FROM pgbench_accounts WHERE aid BETWEEN {} AND {} + 20000'
    heavy = rule(reads.format(':first', ':first'),
                 'select sum(a.abalance) from pgbench_accounts a, generate_series(1, 3) g where a.aid between :first and :first + 20000 and g = 3')
    base = {'rules': {'heavy': heavy}, 'sample': 1.0}
    kinds = {'off': {'mode': 'off'}, 'shadow 100%, no governor': {}, 'shadow 100%, governor': {'shadow': {'governor': {'enabled': True}}}}
    results = {name: [] for name in kinds}
    compared = {name: [] for name in kinds}
    with contextlib.ExitStack() as stack:
        script = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory())) / 'heavy.sql'
        script.write_text('\\set first random(1, 70000)\n' + reads.format(':first', ':first') + ';\n')
        proxies = {name: stack.enter_context(Parallax(cluster.url(), {**base, **config})) for name, config in kinds.items()}
        for proxy in list(proxies.values())[1:]:
            proxy.wait_verified()
        for number in range(options.rounds):
            for name in list(kinds) if number % 2 == 0 else reversed(list(kinds)):
                proxy = proxies[name]
                before = proxy.settled(120).sum('verdicts_total')
                run = pgbench(proxy.port, options.seconds, 4, rate=options.heavy_rate, script=script)
                results[name].append({**run, 'cpu': 0.0})
                compared[name].append((proxy.metrics().sum('verdicts_total') - before) / run['transactions'])
                proxy.settled(240)
            print(f'round {number + 1} of {options.rounds}', file=sys.stderr)
    if not all(compared['shadow 100%, no governor']):
        sys.exit('nothing was compared: ' + proxies['shadow 100%, no governor'].log_text()[-2000:])
    print(f'\n{options.heavy_rate} statements a second that read 20000 rows each, replays and clients on the same cores:')
    print_table(results)
    for name in results:
        ratio = {key: summary(results[name], key)[0] / summary(results['off'], key)[0] for key in ('average', 'p50', 'p99')}
        print(f'{name:<26} latency / off: ' + ', '.join(f'{key} {value:.2f}' for key, value in ratio.items())
              + f'; compared while it ran: {statistics.median(compared[name]) * 100:.0f} %')
    return {'governed': results}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--parallax', required=True)
    parser.add_argument('--relay', required=True)
    parser.add_argument('--seconds', type=int, default=10, help='of each pgbench run')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--clients', type=int, default=16)
    parser.add_argument('--scale', type=int, default=10)
    parser.add_argument('--rate', type=int, default=1000, help='statements a second where all are to be compared')
    parser.add_argument('--only-compared', action='store_true', help='only the figures of comparison')
    parser.add_argument('--governor', action='store_true', help='only what the governor does for clients')
    parser.add_argument('--heavy-rate', type=int, default=100, help='statements a second for --governor')
    parser.add_argument('--tls', action='store_true', help='also over TLS')
    parser.add_argument('--json', help='write every run to this file')
    options = parser.parse_args()
    os.environ['PARALLAX_BIN'] = str(pathlib.Path(options.parallax).resolve())
    import support.proxy
    support.proxy.BINARY = os.environ['PARALLAX_BIN']

    with contextlib.ExitStack() as stack:
        cluster = stack.enter_context(Cluster(shared_buffers="'512MB'"))
        fill(cluster, options.scale)
        print(f'pgbench -S -M prepared -c {options.clients}, scale {options.scale}, {options.rounds} rounds of {options.seconds} s, '
              f'{os.cpu_count()} cores for everything together; median ± half the range\n')
        if options.governor:
            results = governed(options, cluster)
        else:
            results = {} if options.only_compared else everything(options, cluster, stack)
            results |= comparison(options, cluster)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(results, indent=1) + '\n')


if __name__ == '__main__':
    main()
