#!/usr/bin/env python3
"""clang-tidy over every source of the program.   clang_tidy.py BUILD_DIRECTORY checks|rest|analyzer

checks: all of .clang-tidy but what follows; rest: checks that cost a third of all of them and look for what code without C
strings, macros and loops over bare counters hardly has; analyzer: the static analyzer alone, which takes as long as the others together.

With PARALLAX_TIDY_COMMITS=N only the sources that the last N commits have changed, themselves or their headers: the others were looked at
when they were new."""
import json
import os
import pathlib
import subprocess
import sys

from common import ROOT
from parallel import CleanCache, commands, run, run_all


ANALYZER = 'clang-analyzer-*'
REST = ('bugprone-assert-side-effect', 'bugprone-implicit-widening-of-multiplication-result', 'bugprone-infinite-loop',
        'bugprone-misplaced-widening-cast', 'bugprone-multiple-statement-macro', 'bugprone-not-null-terminated-result', 'bugprone-signed-char-misuse',
        'bugprone-sizeof-expression', 'bugprone-suspicious-memset-usage', 'bugprone-suspicious-semicolon', 'bugprone-suspicious-string-compare',
        'bugprone-unused-return-value', 'misc-definitions-in-headers', 'modernize-use-nullptr', 'performance-type-promotion-in-math-fn',
        'readability-container-size-empty')


def changed_lately():
    """The files that the last PARALLAX_TIDY_COMMITS commits and what is not committed have changed; None: all are to be looked at."""
    def git(*arguments):
        return subprocess.run(['git', *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    commits = int(os.environ.get('PARALLAX_TIDY_COMMITS') or 0)
    base = git('rev-list', '--first-parent', f'--max-count={commits + 1}', 'HEAD').stdout.split()
    if not commits or len(base) <= commits:  # also without git, or without so much of its history
        return None
    listed = git('diff', '--name-only', base[-1])
    return {ROOT / name for name in listed.stdout.splitlines()} if listed.returncode == 0 else None


def main(build, part):
    version = subprocess.run(['clang-tidy', '--version'], stdout=subprocess.PIPE, text=True, check=True).stdout
    cache = CleanCache(pathlib.Path(build) / 'tidy-cache', part + version + (ROOT / '.clang-tidy').read_text())
    # Behind those of .clang-tidy, the last pattern that fits decides.
    checks = {'checks': ','.join(f'-{check}' for check in (ANALYZER, *REST)), 'rest': ','.join(('-*', *REST)), 'analyzer': f'-*,{ANALYZER},-clang-analyzer-optin.performance.Padding'}[part]

    # What clang-tidy is to read: the commands without what only gcc understands.
    all_commands = commands(build)
    database = pathlib.Path(build) / 'tidy-commands'
    database.mkdir(exist_ok=True)
    (database / 'compile_commands.json').write_text(json.dumps([
        {'directory': directory, 'file': source, 'arguments': [*arguments, '-c', source]} for source, (directory, arguments) in all_commands.items()]))

    def job(source, directory, arguments):
        def check():
            # comments stay: NOLINT stands there
            whole = subprocess.run(['clang++', *arguments[1:], '-E', '-C', source], cwd=directory, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, check=False)
            if whole.returncode != 0:
                return whole.stderr.decode(errors='replace')
            clean = cache.key(source, ' '.join(arguments), whole.stdout)
            if clean.exists():
                return ''
            complaint = run(['clang-tidy', '--quiet', f'--checks={checks}', '-p', database, source], directory)
            if not complaint:
                clean.touch()
            return complaint
        return check

    own = [(source, *command) for source, command in sorted(all_commands.items())
           if pathlib.Path(source).is_relative_to(ROOT) and not pathlib.Path(source).is_relative_to(ROOT / 'tests')]
    changed = changed_lately()
    chosen = [entry for entry in own if changed is None or {pathlib.Path(entry[0]), pathlib.Path(entry[0]).with_suffix('.h')} & changed]
    complaints = run_all([job(*entry) for entry in chosen])
    print(f'{len(chosen)} of {len(own)} sources, {complaints} with complaints')
    return bool(complaints) or not own


if __name__ == '__main__':
    sys.exit(main(sys.argv[1], sys.argv[2]))
