"""Connections that are reset at random places, on one leg: no output can be equal then, but Parallax must stay up, keep
nothing of them, and serve the next session as if nothing had been."""
import concurrent.futures
import random
import time

import route
import suites

# Regression tests that need no tables of others, for traffic of all sizes.
SCRIPTS = ('strings', 'numeric', 'arrays', 'portals', 'prepare', 'plpgsql', 'errors')
STORM = 'storm'  # a database of its own: traces depend on what is there before


def worker(work, endpoint, until, dice):
    """Runs clients until then; how many failed, of how many."""
    pipeline, regress = suites.of(work, 'pipeline'), suites.of(work, 'regress')
    failed = ran = 0
    while time.monotonic() < until:
        if dice.random() < 0.7:
            status = pipeline.attempt(endpoint, dice.choice(sorted(pipeline.golden)), STORM)
        else:
            status = regress.attempt(endpoint, dice.choice(SCRIPTS), STORM)
        ran += 1
        failed += status != 0
    return failed, ran


def storm(work, variant, seconds, keep):
    """What happened, in words; AssertionError when something is wrong afterwards."""
    pipeline = suites.of(work, 'pipeline')
    suites.of(work, 'regress')  # copied here, not by a thread
    with route.server(work, variant) as cluster, route.proxied(work, cluster, variant) as endpoint:
        cluster.psql(f'CREATE DATABASE {STORM}')
        until = time.monotonic() + seconds
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            runs = [pool.submit(worker, work, endpoint, until, random.Random(variant.seed + number)) for number in range(4)]
        failed, ran = (sum(run.result()[i] for run in runs) for i in (0, 1))
        if failed < seconds or failed == ran:
            raise AssertionError(f'{failed} of {ran} clients were reset: that is no storm, or nothing else')
        route.check_afterwards(endpoint.proxy, endpoint.files, variant.suite)
        backends = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        route.wait_for(lambda: cluster.psql(backends) == '0', 30, 'no backend is left on the server')
        endpoint.relay.calm()
        result = pipeline.run(endpoint, keep)
        if result.failed:
            raise AssertionError('after the storm: ' + '; '.join(result.failed))
        outcomes = endpoint.proxy.metrics().nonzero('client_connection_outcomes_total', 'outcome')
    return f'{failed} of {ran} clients failed in {seconds} s, sessions ended {outcomes}; then {result.passed} passed'
