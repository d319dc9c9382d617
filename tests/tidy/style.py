#!/usr/bin/env python3
"""Style that no compiler knows: length of files and functions, banned calls, left-over notes, links of the documents.
   style.py [ROOT]"""
import pathlib
import re
import sys

from common import ROOT, files, line_of, sources, without_comments_and_strings

FILE_LINES = 400
FUNCTION_LINES = 70


def calls(code, name):
    """Calls of the C function `name`: not of a member or of another namespace's, and no variable that is being made."""
    for found in re.finditer(rf'(?<![\w.:>])((?:std)?::)?{name}\s*\(', code):
        before = code[:found.start()].rstrip()
        if found.group(1) or not re.search(r'[\w>&*]$', before) or re.search(r'\b(return|else|do|case)$', before):
            yield found


EVERYWHERE = [(name, instead) for name, instead in (
    ('strcpy', 'std::string'), ('strcat', 'std::string'), ('sprintf', 'std::snprintf or std::to_chars'),
    ('vsprintf', 'std::vsnprintf'), ('gets', 'std::getline'), ('strtok', 'std::string_view::find'),
    ('atoi', 'std::from_chars'), ('atol', 'std::from_chars'), ('atof', 'std::from_chars'),
    ('gettimeofday', 'std::chrono::steady_clock or uv_hrtime'), ('usleep', 'a timer'), ('system', 'nothing: start no shell'),
    ('rand', 'std::mt19937_64 with a seed that is printed'), ('localtime', 'localtime_r'), ('gmtime', 'gmtime_r'),
    ('alloca', 'a vector'))]
# Beside those, in the program: what is not thread-safe, what waits, what ends the process.
IN_THE_PROGRAM = [('strerror', 'std::system_category().message() or uv_strerror_r'), ('setenv', 'nothing: not thread-safe, but for main.cc before the first thread'),
                  ('assert', 'an error that is returned; what can be checked early is a static_assert'),
                  ('PQexec', 'the asynchronous calls'), ('PQconnectdb', 'PQconnectStartParams')]
NOTES = re.compile(r'\b(TODO|FIXME|XXX|HACK)\b')
# A local `using namespace parallax` in a test is no header's; in headers none at all.
HEADER_USING = re.compile(r'^\s*using\s+namespace\b', re.M)
LINK = re.compile(r'\[[^\]]*\]\(([^)#\s]+)(?:#[^)\s]*)?\)')
# What a block belongs to when it is not a function's body.
NO_FUNCTION = re.compile(r'\b(namespace|class|struct|union|enum|extern)\b')


def functions(code):
    """(first line, lines of code) of each outermost body in braces that is not a namespace, class, enum or initialiser. A
    body of one or two statements is a table, however long."""
    found, stack, last = [], [], 0
    for at in re.finditer(r'[{};]', code):
        kind = at.group()
        if kind == '{':
            head = code[last:at.start()]
            inside = any(entry[0] for entry in stack)
            is_function = (not inside and ')' in head and not NO_FUNCTION.search(re.sub(r'\([^()]*\)', '', head))
                           and not re.search(r'=\s*$', head))
            stack.append((is_function, at.start(), last + len(head) - len(head.lstrip())))
        elif kind == '}' and stack:
            is_function, _, start = stack.pop()
            if is_function:
                body = code[start:at.end()]
                if body.count(';') > 2:
                    found.append((line_of(code, start), sum(bool(line.strip()) for line in body.splitlines())))
        last = at.end()
    return found


def check_source(name, text):
    problems = []
    lines = text.splitlines()
    if len(lines) > FILE_LINES:
        problems.append(f'{name}: {len(lines)} lines, at most {FILE_LINES}')
    for number, line in enumerate(lines, 1):
        if '\t' in line:
            problems.append(f'{name}:{number}: a tab')
        if line != line.rstrip():
            problems.append(f'{name}:{number}: blanks at the end')
        note = NOTES.search(line)
        if note:
            problems.append(f'{name}:{number}: {note.group()}: finish it, or write an issue')
    code = without_comments_and_strings(text)
    banned = EVERYWHERE if name.startswith('tests/') else EVERYWHERE + IN_THE_PROGRAM
    for function, instead in banned:
        if (name, function) == ('proxy/main.cc', 'setenv'):
            continue
        problems += [f'{name}:{line_of(code, at.start())}: {function}: use {instead}' for at in calls(code, function)]
    problems += [f"{name}:{line_of(code, at.start())}: std::endl: write '\\n'; flush where it is meant"
                 for at in re.finditer(r'std::endl\b', code)]
    problems += [f'{name}:{line_of(code, at.start())}: using namespace std: write std::'
                 for at in re.finditer(r'\busing\s+namespace\s+std\s*;', code)]
    for first, count in functions(code):
        if count > FUNCTION_LINES:
            problems.append(f'{name}:{first}: a function of {count} lines, at most {FUNCTION_LINES}')
    if name.endswith('.h'):
        if not re.match(r'\s*#pragma once', code):
            problems.append(f'{name}:1: no #pragma once')
        problems += [f'{name}:{line_of(code, at.start())}: using namespace in a header' for at in HEADER_USING.finditer(code)]
    return problems


def check_script(name, text):
    problems = []
    for number, line in enumerate(text.splitlines(), 1):
        note = NOTES.search(line)
        if note and 'NOTES' not in line:
            problems.append(f'{name}:{number}: {note.group()}: finish it, or write an issue')
    if name.endswith('.sh') and 'set -euo pipefail' not in text:
        problems.append(f'{name}: no set -euo pipefail')
    return problems


def check_document(root, name, text):
    """Links to files of the repository lead somewhere."""
    problems = []
    for found in LINK.finditer(text):
        target = found.group(1)
        if re.match(r'[a-z]+:', target):
            continue
        if not ((root / name).parent / target).exists():
            problems.append(f'{name}:{line_of(text, found.start())}: the link {target} leads nowhere')
    return problems


def check(root):
    problems = []
    for path in files(root, '.cc', '.h', '.py', '.sh', '.mjs', '.md'):
        name = path.relative_to(root).as_posix()
        text = path.read_text(encoding='utf-8')
        if path.suffix in ('.cc', '.h'):
            problems += check_source(name, text)
        elif path.suffix == '.md':
            problems += check_document(root, name, text)
        elif name != 'tests/tidy/selftest.py':  # it plants what is looked for
            problems += check_script(name, text)
    if not sources(root):
        problems.append('no sources found')
    return problems


if __name__ == '__main__':
    found = check(pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT)
    print('\n'.join(found))
    sys.exit(bool(found))
