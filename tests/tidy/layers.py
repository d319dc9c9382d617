#!/usr/bin/env python3
"""Who may include whom. The link lines of CMake enforce most of it; this finds what headers alone would let through.
   layers.py [ROOT]"""
import pathlib
import re
import sys

from common import ROOT, line_of, sources

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)

# Of shadow/, proxy/ knows only this.
PUBLIC_FACE = {'tap.h', 'mode.h', 'rule_modes.h', 'strict/strict.h', 'strict/client_run.h', 'captured.h', 'verdict.h', 'rule_source.h', 'options.h', 'report.h', 'engine.h', 'shadow_metrics.h',
               'online_check.h', 'query_plan.h', 'governor/governor_step.h', 'governor/sample_shares.h',
               'evidence/rule_evidence.h', 'evidence/journal_reader.h', 'evidence/standing.h', 'evidence/standing_json.h', 'evidence/recorded_replay.h', 'evidence/sample_shelf.h',
               'power/power_run.h', 'power/rule_power.h',
               'journal/journal.h', 'journal/journal_file.h', 'journal/options.h',
               'rules/rule.h',
               'learn/session_learner.h', 'learn/statement_log.h', 'learn/proposal.h', 'learn/rule_yaml.h', 'learn/rewrites_file.h'}

# Room (by path prefix, the longest wins) -> rooms of the project and libraries that it may include besides itself.
# Standard library and POSIX headers are free to all but protocol/, which has the standard library only.
ALLOWED = {
    'protocol/': ((), ()),
    'metrics/': ((), ('prometheus/', 'Civet', 'civetweb')),
    'proxy/io/': ((), ('uv.h', 'openssl/')),
    'shadow/rules/': (('protocol/',), ('pg_query', 'protobuf-c/', 'nlohmann/', 'openssl/')),
    'shadow/compare/': (('protocol/', 'shadow/rules/'), ('pg_query', 'nlohmann/', 'openssl/')),
    'shadow/replay/': (('protocol/', 'metrics/', 'proxy/io/', 'shadow/'), ('libpq-', 'libpq/', 'nlohmann/', 'openssl/')),
    'shadow/': (('protocol/', 'metrics/', 'proxy/io/', 'shadow/'),
                ('libpq-', 'libpq/', 'pg_query', 'nlohmann/', 'openssl/')),
    'proxy/': (('protocol/', 'metrics/', 'proxy/io/', 'shadow/'),
               ('CLI/', 'spdlog/', 'fmt/', 'yaml-cpp/', 'libpq-', 'libpq/', 'gsasl.h', 'openssl/', 'nlohmann/')),
}
# rules/ and compare/ may know the rest of shadow/ through its plain values, never the replay.
PLAIN_VALUES = {'shadow/verdict.h', 'shadow/captured.h', 'shadow/report.h', 'shadow/rule_source.h', 'shadow/options.h'}

# Headers of libraries that only some rooms may use; everything else in <> is the system's.
LIBRARIES = re.compile(r'^(prometheus/|Civet|civetweb|uv\.h|uv/|openssl/|gsasl|libpq|pg_query|protobuf-c/|nlohmann/|CLI/|spdlog/|fmt/|yaml-cpp/'
                       r'|postgres|catch2/)')
POSIX = re.compile(r'\.h$')


def room_of(path):
    return max((room for room in ALLOWED if path.startswith(room)), key=len, default=None)


def problem_of(path, room, kind, target):
    """Why `path` may not include `target`; nothing when it may."""
    rooms, libraries = ALLOWED[room]
    if kind == '<':
        if LIBRARIES.match(target):
            return '' if target.startswith(libraries) else f'{room} does not use this library'
        return f'{room} has the standard library only' if room == 'protocol/' and POSIX.search(target) else ''
    if target.endswith('main.cc') or target.endswith('.cc'):
        return 'nothing includes a source file'
    if LIBRARIES.match(target):
        return '' if target.startswith(libraries) else f'{room} does not use this library'
    own = room_of(target)
    if own is None:
        return 'includes start at the root of the repository, with a room'
    if own == room:
        return ''
    if room == 'proxy/' and target.startswith('shadow/'):
        return '' if target.removeprefix('shadow/') in PUBLIC_FACE else 'proxy/ knows only the public face of shadow/'
    if room in ('shadow/rules/', 'shadow/compare/') and target in PLAIN_VALUES:
        return ''
    if room == 'proxy/io/' or not target.startswith(rooms):
        return f'{room} may not use {own}'
    if target.startswith('proxy/') and not target.startswith('proxy/io/'):
        return f'{room} may not use proxy/'
    return ''


def check(root):
    problems = []
    for path in sources(root):
        name = path.relative_to(root).as_posix()
        room = room_of(name)
        if room is None:
            continue
        text = path.read_text(encoding='utf-8')
        for found in INCLUDE.finditer(text):
            problem = problem_of(name, room, found.group(1), found.group(2))
            if problem:
                problems.append(f'{name}:{line_of(text, found.start())}: #include {found.group(2)}: {problem}')
    return problems


if __name__ == '__main__':
    found = check(pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT)
    print('\n'.join(found))
    sys.exit(bool(found))
