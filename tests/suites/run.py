#!/usr/bin/python3
"""PostgreSQL's own test suites, once direct and once through Parallax: what the clients wrote must not differ by a byte.

    tests/suites/run.sh [SUITE...] [options]     SUITE: regress, isolation, pipeline (default: these three), resets"""
import argparse
import os
import pathlib
import random
import subprocess
import sys

from compare import compare
import resets
import route
import source
import suites

MATRIX = [dict(), dict(tls=True), dict(rules=1500), dict(rules=1500, shadow='same'), dict(rules=1500, tls=True), dict(rules=1500, rule_mode='strict'), dict(rules=1500, rule_mode='flip'),
          *(dict(hostile=leg, mode=mode, tls=tls) for mode in ('segments', 'stalls') for leg in ('client', 'server')
            for tls in (False, True))]


def variants(options):
    """(suite, variant) of the command line. What cannot be together is left out of the matrix."""
    names = options.suites or ['regress', 'isolation', 'pipeline'] + ['resets'] * options.matrix
    asked = {key: getattr(options, key) for key in ('rules', 'shadow', 'tls', 'hostile', 'mode', 'rule_mode')}
    wanted = MATRIX if options.matrix else [asked]
    for name in names:
        if name == 'resets':
            for tls in ((False, True) if options.matrix else (options.tls,)):
                for leg in ('client', 'server') if not options.hostile else (options.hostile,):
                    yield name, route.Variant(name, tls=tls, hostile=leg, mode='resets', seed=options.seed)
            continue
        for chosen in wanted:
            if chosen.get('shadow') != 'same' or name == 'regress' or not options.matrix:
                yield name, route.Variant(name, seed=options.seed, **chosen)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('suites', nargs='*', metavar='SUITE')
    parser.add_argument('--rules', type=int, nargs='?', const=1500, default=0, metavar='N',
                        help='shadow with rules (at most N, default 1500) for statements of the suite')
    parser.add_argument('--shadow', choices=['second', 'same'], default='second',
                        help="where replays run: on the direct run's server, or (regress only) on the clients' own")
    parser.add_argument('--rule-mode', choices=['shadow', 'strict', 'flip'], default='shadow',
                        help='with --rules: strict holds each answer, flip goes through off, shadow and strict every few milliseconds')
    parser.add_argument('--tls', action='store_true', help='on both legs')
    parser.add_argument('--hostile', choices=['client', 'server'], default='', help='a hostile relay on this leg')
    parser.add_argument('--mode', choices=['segments', 'stalls'], default='segments', help='what the relay does')
    parser.add_argument('--seed', type=int, default=int(os.environ.get('PARALLAX_SEED', 0)) or random.randrange(1, 2**31))
    parser.add_argument('--seconds', type=int, default=15, help='of the storm of resets')
    parser.add_argument('--part', help='only these tests, separated by commas (regress: test_setup must be among them)')
    parser.add_argument('--matrix', action='store_true', help='every suite in every variant')
    parser.add_argument('--keep', type=pathlib.Path, default=source.CACHE / 'results', help='where results are left')
    options = parser.parse_args()
    unknown = set(options.suites) - {*suites.SUITES, 'resets'}
    if unknown:
        parser.error(f'no such suite: {", ".join(unknown)}')
    if options.shadow == 'same' and (options.suites != ['regress'] or not options.rules):
        parser.error('--shadow same: with regress and --rules only')
    return options


def main():
    options = arguments()
    print(f'PARALLAX_SEED={options.seed}  {source.version()}', flush=True)
    wrong = []
    with route.Workplace() as work:
        for name, variant in variants(options):
            label = f'{name} {variant.name()}'
            try:
                if name == 'resets':
                    said = resets.storm(work, variant, options.seconds, options.keep / name / variant.name())
                else:
                    suite = suites.of(work, name)
                    suite.part = options.part.split(',') if options.part else None
                    said = compare(work, suite, variant, options.keep)
                print(f'{label}: {said}', flush=True)
            except (AssertionError, subprocess.TimeoutExpired) as failed:
                wrong.append(label)
                print(f'{label}: WRONG: {str(failed)[:4000]}', flush=True)
    print(f'WRONG: {", ".join(wrong)}' if wrong else 'no difference anywhere')
    return bool(wrong)


if __name__ == '__main__':
    sys.exit(main())
