#!/usr/bin/env python3
"""Every header compiles alone: it includes what it uses.   headers.py BUILD_DIRECTORY [HEADER...]

A header that its own source includes first has been compiled alone by the build already; without HEADER these are left out."""
import pathlib
import re
import subprocess
import sys

from common import ROOT, sources
from parallel import CleanCache, commands, run, run_all


def options_of(build):
    """{directory of a source: options it is compiled with}"""
    return {str(pathlib.Path(source).parent): arguments for source, (_, arguments) in commands(build).items()}


def first_of_its_source(header, compiled):
    source = header.with_suffix('.cc')
    if str(source) not in compiled or source.is_relative_to(ROOT / 'tests'):  # these have a precompiled header
        return False
    first = re.search(r'^\s*#\s*include\s+"([^"]+)"', source.read_text(), re.MULTILINE)
    before = re.search(r'^\s*#\s*include\s+<', source.read_text(), re.MULTILINE)
    return bool(first) and first[1] == str(header.relative_to(ROOT)) and (before is None or first.start() < before.start())


def main(build, headers):
    options = options_of(build)
    cache = CleanCache(pathlib.Path(build) / 'headers-cache', subprocess.run(['g++', '--version'], stdout=subprocess.PIPE, text=True,
                                                                            check=True).stdout)

    def job(header):
        def check():
            near = header.parent
            while str(near) not in options and near != near.parent:
                near = near.parent
            arguments = options.get(str(near)) or next(iter(options.values()))
            command = [*arguments, '-fsyntax-only', '-include', str(header), '-x', 'c++', '/dev/null']
            whole = subprocess.run([*arguments, '-E', '-include', str(header), '-x', 'c++', '/dev/null'], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   check=False)
            clean = cache.key(' '.join(command), whole.stdout)
            if whole.returncode == 0 and clean.exists():
                return ''
            complaint = run(command, ROOT)
            if not complaint:
                clean.touch()
            return complaint
        return check

    complaints = run_all([job(header) for header in headers])
    print(f'{len(headers)} headers, {complaints} with complaints')
    return bool(complaints) or not headers


if __name__ == '__main__':
    compiled = commands(sys.argv[1])
    chosen = [pathlib.Path(name).resolve() for name in sys.argv[2:]] or [path for path in sources(ROOT) if path.suffix == '.h'
                                                                         and not first_of_its_source(path, compiled)]
    sys.exit(main(sys.argv[1], chosen))
