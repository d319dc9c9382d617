#!/usr/bin/env python3
"""Every header compiles alone: it includes what it uses.   headers.py BUILD_DIRECTORY [HEADER...]"""
import pathlib
import subprocess
import sys

from common import ROOT, sources
from parallel import CleanCache, commands, run, run_all


def options_of(build):
    """{directory of a source: options it is compiled with}"""
    return {str(pathlib.Path(source).parent): arguments for source, (_, arguments) in commands(build).items()}


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
    chosen = [pathlib.Path(name).resolve() for name in sys.argv[2:]] or [path for path in sources(ROOT) if path.suffix == '.h']
    sys.exit(main(sys.argv[1], chosen))
