"""One suite in one variant: run direct, run through Parallax, compare what the clients wrote."""
import concurrent.futures
import contextlib
import filecmp
import subprocess
import time

import route
import rules
import source

# psql of a later minor version reads on to the end of the data when the server refuses a COPY, so the expectations of an older
# source are not met, with or without Parallax. Their outputs are compared like all others.
OF_ANOTHER_PSQL = {f'{name}: FAILED' for name in ('copy', 'copy2', 'copyselect', 'triggers')}

# Of a suite whose sessions wait for each other: so many tests may differ by chance, if so many runs of them alone do not.
MAY_REPEAT, REPETITIONS = 3, 3


def different(first, second, report):
    """Writes the difference of two directories to `report`, if there is one; True then."""
    with open(report, 'wb') as file:
        found = subprocess.run(['diff', '-ruN', '--text', first, second], stdout=file, check=False).returncode
    if found not in (0, 1):
        raise AssertionError(f'diff ended with status {found}')
    if found == 0:
        report.unlink()
    return found == 1


def files_of(result):
    return sum(path.is_file() for path in result.directory.rglob('*'))


def check_amount(suite, result):
    """It is no proof when next to nothing ran. Returns the number of files."""
    files = files_of(result)
    least_files, least_passed = (suite.LEAST_FILES, suite.LEAST_PASSED) if suite.part is None else [len(suite.part)] * 2
    excused = OF_ANOTHER_PSQL.intersection(result.failed) if source.is_of_another_version() else ()
    if files < least_files or result.passed + len(excused) < least_passed:
        raise AssertionError(f'direct: {result.passed} passed and {files} files, wanted are {least_passed} and '
                             f'{least_files}; failed: {result.failed}; see {result.directory}.out')
    return files


class Timed:
    """A call's result, and how long it took."""

    def __init__(self, call, *arguments):
        began = time.monotonic()
        self.result = call(*arguments)
        self.seconds = time.monotonic() - began


def shadowed(stack, work, suite, variant, cluster, first):
    """Makes an endpoint with rules for what was sent in the direct run, at the server `first`."""
    replays = cluster if variant.shadow == 'same' else first
    log = first.log.read_text(encoding='utf-8', errors='replace')
    ours = rules.rules_for(log, replays, suite.database, variant.rules)
    return stack.enter_context(route.proxied(work, cluster, variant, suite.database, (replays, ours)))


def run_shadowed(work, suite, variant, keep, cluster, first):
    """The result, and what the shadow side did, in words."""
    with contextlib.ExitStack() as stack:
        made = []

        def make():
            made.append(shadowed(stack, work, suite, variant, cluster, first))
            return made[0]
        if variant.shadow == 'same':  # the rules' tables must be there before Parallax is started
            with route.direct(cluster, variant) as plain:
                result = suite.run(plain, keep, then=make)
        else:
            suite.prepare_replays(first)
            result = suite.run(make(), keep)
        return result, rules.outcome(route.settled(made[0].proxy), suite.COMPARED)


def run_both(work, suite, variant, place, together):
    """Timed results, direct and proxied, and words about the shadow side."""
    logging = rules.LOGGING if variant.rules else {}
    with contextlib.ExitStack() as stack:
        first, second = (stack.enter_context(route.server(work, variant, **more)) for more in (logging, {}))
        here = stack.enter_context(route.direct(first, variant))
        if variant.rules:
            direct = Timed(suite.run, here, place / 'direct')
            proxied = Timed(run_shadowed, work, suite, variant, place / 'proxied', second, first)
            proxied.result, words = proxied.result
            return direct, proxied, words
        there = stack.enter_context(route.proxied(work, second, variant))
        with concurrent.futures.ThreadPoolExecutor(2 if together else 1) as pool:
            runs = [pool.submit(Timed, suite.run, endpoint, place / name)
                    for name, endpoint in (('direct', here), ('proxied', there))]
            return (*(run.result() for run in runs), '')


def compare_once(work, suite, variant, place, together):
    """Results direct and proxied, words about what failed in both, and about the runs."""
    place.mkdir(parents=True, exist_ok=True)
    direct, proxied, words = run_both(work, suite, variant, place, together)
    first, second = direct.result, proxied.result
    failed = f', {len(first.failed)} not, the same in both ({", ".join(first.failed)})' if first.failed else ''
    times = f'direct {direct.seconds:.0f} s, proxied {proxied.seconds:.0f} s'
    return first, second, failed, '; '.join(part for part in (times, words) if part)


def tests_that_differ(first, second):
    """Their names: of files that one directory has not, or has otherwise."""
    names = {path.name for directory in (first, second) for path in directory.iterdir()}
    same, _, _ = filecmp.cmpfiles(first, second, names, shallow=False)
    return sorted({name.partition('.')[0] for name in names.difference(same)})


def repeat_alone(work, suite, variant, place, tests):
    """A test of sessions that wait for each other asks every few milliseconds who waits. On a busy machine it then says what
    PostgreSQL's authors did not foresee, direct as well as proxied, and not again when it runs alone. What Parallax does to
    a session's bytes comes again. True when there was no difference in any repetition."""
    suite.part = tests
    for number in range(1, REPETITIONS + 1):
        again = place / f'alone-{number}'
        first, second, *_ = compare_once(work, suite, variant, again, False)
        if different(first.directory, second.directory, again / 'difference.diff') or files_of(first) < len(tests):
            return False
    return True


def compare(work, suite, variant, keep, together=False):
    """One line that says what was found; AssertionError when something is wrong. `together`: both runs at the same time."""
    place = keep / suite.name / variant.name()
    first, second, failed, words = compare_once(work, suite, variant, place, together)
    files = check_amount(suite, first)
    verdict = 'no difference'
    report = place / 'difference.diff'
    if different(first.directory, second.directory, report):
        tests = tests_that_differ(first.directory, second.directory)
        if not suite.WAITS or len(tests) > MAY_REPEAT or not repeat_alone(work, suite, variant, place, tests):
            raise AssertionError(f'the results differ, see {report}; failed direct: {first.failed}, proxied: {second.failed}')
        verdict = f'a difference ({report}) that {REPETITIONS} runs of {", ".join(tests)} alone have not'
    if suite.STRICT and second.failed:
        raise AssertionError('; '.join(second.failed))
    return f'{second.passed} passed{failed}; {files} files, {verdict}; {words}'
