"""The suites themselves: each runs its programs at an endpoint and leaves what they wrote in a directory."""
import collections
import dataclasses
import pathlib
import re
import shutil
import subprocess

import source
from route import account

BIN = pathlib.Path('/usr/lib/postgresql/15/bin')
PGXS = pathlib.Path('/usr/lib/postgresql/15/lib/pgxs/src/test')
LINE = re.compile(r'(?:test)?\s*(\S+)\s+\.\.\. (ok|FAILED|failed \(ignored\))')
NOTICE = re.compile(rb'\w+: NOTICE:  ')


@dataclasses.dataclass
class Result:
    directory: pathlib.Path  # what the programs wrote, to be compared
    passed: int
    failed: list


def run_program(command, endpoint, cwd, home, seconds=1500):
    return subprocess.run(list(map(str, command)), env=endpoint.environment(home), cwd=cwd, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=seconds, check=False, **account())


class Runner:
    """pg_regress, or its twin for the isolation tests."""

    def __init__(self, work, name, program, database, schedule):
        self.work, self.name, self.program, self.database = work, name, program, database
        self.input = work.directory / name
        self.schedule = [line for line in schedule.read_text().splitlines() if line.startswith('test:')]
        self.options = []
        self.part = None  # tests of the schedule to run; None: all

    def prepare_replays(self, cluster):
        """Makes the direct run's server one on which its SELECTs can be replayed: it is."""

    def chosen(self):
        """Lines of the schedule with the tests that are to be run."""
        if self.part is None:
            return self.schedule
        groups = [[test for test in line.removeprefix('test:').split() if test in self.part] for line in self.schedule]
        return [f'test: {" ".join(group)}' for group in groups if group]

    def run(self, endpoint, keep, **_):
        """The results move to `keep`."""
        with self.work.folder() as output:
            said = self.run_lines(endpoint, output, self.chosen())
            return self.result(output, keep, said)

    def run_lines(self, endpoint, output, lines, *options):
        schedule = output / 'schedule'
        schedule.write_text('\n'.join(lines) + '\n')
        done = run_program([self.program, f'--inputdir={self.input}', f'--outputdir={output}', f'--bindir={BIN}',
                            '--host=127.0.0.1', f'--port={endpoint.port}', '--user=postgres', f'--dbname={self.database}',
                            '--encoding=UTF8', '--no-locale', f'--schedule={schedule}', *self.options, *options],
                           endpoint, self.program.parent, output)
        said = done.stdout.decode(errors='replace')
        if not LINE.search(said):
            raise AssertionError(f'{self.program.name} ran nothing:\n{said}{done.stderr.decode(errors="replace")}')
        return said

    def result(self, output, keep, said):
        shutil.rmtree(keep, ignore_errors=True)
        keep.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(output / 'results', keep)
        (keep.parent / f'{keep.name}.out').write_text(said)
        if (output / 'regression.diffs').exists():  # against PostgreSQL's own expectation
            shutil.move(output / 'regression.diffs', keep.parent / f'{keep.name}.expected.diff')
        outcomes = LINE.findall(said)
        failed = [f'{test}: {outcome}' for test, outcome in outcomes if outcome != 'ok']
        return Result(keep, len(outcomes) - len(failed), failed)


class Regress(Runner):
    """The regression tests."""
    LEAST_FILES, LEAST_PASSED = 200, 190  # of the whole schedule
    STRICT = False  # what fails in both runs is Debian's, or the kind of server
    WAITS = False  # no test says who waits for whom
    COMPARED = True  # some sessions run no SET, after which nothing is compared

    def __init__(self, work):
        folder = work.copied('src/test/regress', 'sql', 'expected', 'data', 'resultmap', 'parallel_schedule', 'regress.so')
        # Modules of contrib that the tests load from the same place.
        for module in ('refint.so', 'autoinc.so'):
            shutil.copy(pathlib.Path(source.pg_config('pkglibdir')) / module, folder / module)
        work.give(folder)
        super().__init__(work, 'regress', PGXS / 'regress' / 'pg_regress', 'regression', folder / 'parallel_schedule')
        self.options = [f'--dlpath={folder}', '--max-concurrent-tests=20']

    def run(self, endpoint, keep, then=None):
        """`then` makes the endpoint of all tests but the first, which makes the tables that the others read."""
        if then is None:
            return super().run(endpoint, keep)
        with self.work.folder() as output:
            lines = self.chosen()
            said = self.run_lines(endpoint, output, lines[:1])
            said += self.run_lines(then(), output, lines[1:], '--use-existing')
            return self.result(output, keep, said)

    def attempt(self, endpoint, test, database):
        """Exit status of one test's script, whatever it says."""
        with self.work.folder() as output:
            script = self.input / 'sql' / f'{test}.sql'
            return run_program([BIN / 'psql', '-X', '-f', script, database], endpoint, output, output, 60).returncode


class Isolation(Runner):
    """Several sessions at once, step by step, in every order that matters."""
    LEAST_FILES, LEAST_PASSED = 100, 100
    STRICT = False
    WAITS = True
    COMPARED = False  # each session begins with SET

    def __init__(self, work):
        folder = work.copied('src/test/isolation', 'specs', 'expected', 'isolation_schedule')
        super().__init__(work, 'isolation', PGXS / 'isolation' / 'pg_isolation_regress', 'isolation_regression',
                         folder / 'isolation_schedule')

    def run(self, endpoint, keep, **_):
        """Notices are moved to the end of their file: the tester polls, over another session, whether a step waits, so a
        notice that comes late, but not wrong, stands after `<waiting ...>` instead of before."""
        result = super().run(endpoint, keep)
        for path in keep.iterdir():
            lines = path.read_bytes().splitlines(keepends=True)
            path.write_bytes(b''.join(sorted(lines, key=lambda line: NOTICE.match(line) is not None)))
        return result

    def prepare_replays(self, cluster):
        """Every test has dropped its tables: they are made again, as far as one can be there beside the others."""
        texts = [path.read_text() for path in sorted((self.input / 'specs').glob('*.spec'))]
        setups = [body for text in texts for body in re.findall(r'(?ms)^setup\s*\{(.*?)^\}', text)]
        subprocess.run(['psql', '-qX', cluster.url(database=self.database)], input=';\n'.join(setups), text=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)


class Pipeline:
    """libpq's pipeline mode, with the messages of both directions traced."""
    name, database = 'pipeline', 'postgres'
    LEAST_FILES, LEAST_PASSED = 11 + 11 + 9, 11
    STRICT = True
    WAITS = False
    COMPARED = False  # each session begins with SET
    ROWS = 700  # as PostgreSQL's own test has it; the golden traces depend on it

    def __init__(self, work):
        folder = 'src/test/modules/libpq_pipeline'
        self.work = work
        self.program = work.copied(folder, 'libpq_pipeline') / 'libpq_pipeline'
        self.golden = {path.stem: path.read_bytes() for path in (source.tree() / folder / 'traces').glob('*.trace')}
        self.part = None

    def run(self, endpoint, keep, **_):
        shutil.rmtree(keep, ignore_errors=True)
        keep.mkdir(parents=True)
        with self.work.folder() as output:
            names = self.part or run_program([self.program, 'tests'], endpoint, output, output).stdout.decode().split()
            problems = [problem for test in names for problem in [self.run_test(endpoint, output, keep, test)] if problem]
        return Result(keep, len(names) - len(problems), problems)

    def prepare_replays(self, cluster):
        """Its tables are still there."""

    def attempt(self, endpoint, test, database):
        """Exit status of one test."""
        with self.work.folder() as output:
            command = [self.program, '-r', self.ROWS, test, f'dbname={database}']
            return run_program(command, endpoint, output, output, 60).returncode

    def run_test(self, endpoint, output, keep, test):
        """What is wrong with it; empty when nothing is."""
        trace = output / f'{test}.trace'
        done = run_program([self.program, '-r', self.ROWS, '-t', trace, test, 'dbname=postgres'], endpoint, output, output)
        (keep / f'{test}.out').write_bytes(done.stdout)
        (keep / f'{test}.err').write_bytes(done.stderr if test != 'uniqviol' else outline(done.stderr))
        if done.returncode != 0:
            return f'{test}: exit status {done.returncode}: {done.stderr.decode()[-500:]}'
        if test not in self.golden:
            return ''
        shutil.move(trace, keep / trace.name)
        same = (keep / trace.name).read_bytes() == self.golden[test]
        return '' if same else f"{test}: another trace than PostgreSQL's own: {keep / trace.name}"


def outline(text):
    """Of a test that sends until its socket takes no more, so how much it says depends on the buffers on the way: each kind
    of line once."""
    lines = re.sub(rb'[.E]{2,}', b'', re.sub(rb'\d+', b'N', text)).splitlines()
    return b'\n'.join(sorted(collections.Counter(lines))) + b'\n'


SUITES = {'regress': Regress, 'isolation': Isolation, 'pipeline': Pipeline}


def of(work, name):
    """The suite, whose input is copied to the workplace once."""
    if name not in work.suites:
        work.suites[name] = SUITES[name](work)
    return work.suites[name]
