#!/usr/bin/env python3
"""clang-tidy over every source of the program.   clang_tidy.py BUILD_DIRECTORY checks|analyzer

checks: all of .clang-tidy but the static analyzer; analyzer: the static analyzer alone, which takes as long again."""
import json
import pathlib
import subprocess
import sys

from common import ROOT
from parallel import CleanCache, commands, run, run_all


ANALYZER = 'clang-analyzer-*'


def main(build, part):
    version = subprocess.run(['clang-tidy', '--version'], stdout=subprocess.PIPE, text=True, check=True).stdout
    cache = CleanCache(pathlib.Path(build) / 'tidy-cache', part + version + (ROOT / '.clang-tidy').read_text())
    # Behind those of .clang-tidy, the last pattern that fits decides.
    checks = {'checks': f'-{ANALYZER}', 'analyzer': f'-*,{ANALYZER},-clang-analyzer-optin.performance.Padding'}[part]

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
    complaints = run_all([job(*entry) for entry in own])
    print(f'{len(own)} sources, {complaints} with complaints')
    return bool(complaints) or not own


if __name__ == '__main__':
    sys.exit(main(sys.argv[1], sys.argv[2]))
