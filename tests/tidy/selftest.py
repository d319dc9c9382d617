#!/usr/bin/env python3
"""The checks find what is planted, and say nothing about what is right."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import headers
import layers
import style

HERE = pathlib.Path(__file__).resolve().parent


class Planted(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix='parallax-tidy-')
        self.addCleanup(directory.cleanup)
        self.root = pathlib.Path(directory.name)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def found(self, check, name, text):
        path = self.write(name, text)
        problems = check(self.root)
        path.unlink()
        return '\n'.join(problems)

    def test_layers(self):
        for name, include, wrong in (
                ('protocol/a.cc', '<vector>', False), ('protocol/a.cc', '"protocol/b.h"', False),
                ('protocol/a.cc', '<uv.h>', True), ('protocol/a.cc', '<sys/socket.h>', True), ('protocol/a.cc', '"proxy/io/loop.h"', True),
                ('protocol/a.cc', '<string.h>', True), ('protocol/a.cc', '"shadow/tap.h"', True),
                ('metrics/a.cc', '<prometheus/counter.h>', False), ('metrics/a.cc', '<CivetServer.h>', False),
                ('metrics/a.cc', '<uv.h>', True), ('metrics/a.cc', '"protocol/b.h"', True), ('metrics/a.cc', '"shadow/verdict.h"', True),
                ('proxy/io/a.cc', '<uv.h>', False), ('proxy/io/a.cc', '<openssl/ssl.h>', False), ('proxy/io/a.cc', '<netinet/tcp.h>', False),
                ('proxy/io/a.cc', '"protocol/b.h"', True), ('proxy/io/a.cc', '"proxy/config.h"', True), ('proxy/io/a.cc', '<libpq-fe.h>', True),
                ('proxy/io/a.cc', '"metrics/registry.h"', True),
                ('shadow/engine.cc', '"proxy/io/loop.h"', False), ('shadow/engine.cc', '"shadow/replay/pool.h"', False),
                ('shadow/engine.cc', '"proxy/config.h"', True), ('shadow/engine.cc', '"proxy/session.h"', True), ('shadow/engine.cc', '<uv.h>', True),
                ('shadow/rules/a.cc', '<pg_query.h>', False), ('shadow/rules/a.cc', '"shadow/rule_source.h"', False),
                ('shadow/rules/a.cc', '"shadow/replay/pool.h"', True), ('shadow/rules/a.cc', '"shadow/compare/compare.h"', True),
                ('shadow/compare/a.cc', '"shadow/rules/rule.h"', False), ('shadow/compare/a.cc', '"shadow/replay/pool.h"', True),
                ('shadow/compare/a.cc', '<libpq-fe.h>', True), ('shadow/replay/a.cc', '<libpq-fe.h>', False),
                ('shadow/replay/a.cc', '"shadow/compare/compare.h"', False),
                ('proxy/session.cc', '"shadow/tap.h"', False), ('proxy/session.cc', '"shadow/rules/rule.h"', False),
                ('proxy/session.cc', '"shadow/session_tap.h"', True), ('proxy/session.cc', '"shadow/replay/pool.h"', True),
                ('proxy/session.cc', '"shadow/rules/statement_shape.h"', True), ('proxy/session.cc', '"proxy/main.cc"', True),
                ('proxy/session.cc', '<prometheus/counter.h>', True), ('proxy/session.cc', '<spdlog/spdlog.h>', False),
                ('proxy/scram_client.cc', '<gsasl.h>', False), ('proxy/scram_client.cc', '<openssl/evp.h>', False),
                ('proxy/io/a.cc', '<gsasl.h>', True), ('shadow/engine.cc', '<gsasl.h>', True), ('protocol/a.cc', '<gsasl.h>', True),
                ('protocol/a.cc', '<openssl/evp.h>', True), ('metrics/a.cc', '<openssl/evp.h>', True),
                ('proxy/session.cc', '"session.h"', True), ('proxy/session.cc', '"../shadow/tap.h"', True),
                ('tests/unit/a.cc', '"shadow/replay/pool.h"', False)):
            with self.subTest(file=name, include=include):
                self.assertEqual(wrong, bool(self.found(layers.check, name, f'#include {include}\n')))

    def style_of(self, text, name='proxy/a.cc'):
        return self.found(style.check, name, text)

    def test_banned_calls(self):
        for text, wrong in (
                ('strcpy(a, b);', 'strcpy'), ('std::strcpy(a, b);', 'strcpy'), ('x = ::atoi(y);', 'atoi'), ('return std::atoi(y);', 'atoi'),
                ('sprintf(a, b);', 'sprintf'), ('std::snprintf(a, 1, b);', ''), ('gettimeofday(&t, nullptr);', 'gettimeofday'),
                ('out << std::endl;', 'std::endl'), ('assert(x);', 'assert'), ('static_assert(x);', ''), ('std::system("ls");', 'system'),
                ('std::ifstream system("/proc/stat");', ''), ('session.exit(1);', ''), ('// strcpy(a, b)', ''), ('auto x = "strcpy(a, b)";', ''),
                ('auto x = R"(strcpy(a, b))";', ''), ('const char c = \'"\'; atoi(x);', 'atoi'), ('long n = 1\'000\'000; atoi(x);', 'atoi'),
                ('using namespace std;', 'using namespace std'), ('using namespace std::chrono_literals;', ''),
                ('auto s = std::strerror(errno);', 'strerror'), ('uv_strerror_r(e, b, n);', '')):
            with self.subTest(text=text):
                answer = self.style_of(f'void f() {{\n  {text}\n}}\n')
                self.assertIn(wrong, answer) if wrong else self.assertEqual('', answer)
        self.assertEqual('', self.style_of('void f() {\n  setenv("A", "b", 1);\n}\n', 'tests/unit/a.cc'))

    def test_lengths(self):
        self.assertIn('401 lines', self.style_of('int a;\n' * 401))
        self.assertEqual('', self.style_of('int a;\n' * 400))
        body = '  work();\n'
        long = 'namespace n {\nclass C {\n public:\n  void f() const override;\n};\nvoid C::f() const {\n' + body * 70 + '}\n}\n'
        self.assertIn('a.cc:6: a function of 72 lines', self.style_of(long))
        self.assertEqual('', self.style_of(long.replace(body * 70, body * 60)))
        self.assertIn('a function of', self.style_of('auto f = 1;\nTEST_CASE("x", "[y]") {\n' + body * 80 + '}\n'))
        self.assertEqual('', self.style_of('class C {\n  void f() {}\n' + '  int a;\n' * 100 + '};\n'))
        self.assertEqual('', self.style_of('enum class E {\n' + '  a,\n' * 100 + '};\nconst int t[] = {\n' + '  1,\n' * 100 + '};\n'))
        self.assertEqual('', self.style_of('void f() {\n  // {{{ not code\n  const char* a = "}}}";\n  g(a); g(a);\n}\n'))

    def test_small_things(self):
        self.assertIn('a tab', self.style_of('int a;\t// b\n'))
        self.assertIn('blanks', self.style_of('int a; \n'))
        self.assertIn('TODO', self.style_of('// TODO: later\n'))
        self.assertIn('FIXME', self.found(lambda root: style.check_script('a.py', (root / 'a.py').read_text()), 'a.py', '# FIXME\n'))
        self.assertIn('pragma', self.style_of('int a;\n', 'proxy/a.h'))
        self.assertEqual('', self.style_of('#pragma once\n\n#include <vector>\n', 'proxy/a.h'))
        self.assertIn('in a header', self.style_of('#pragma once\nusing namespace parallax;\n', 'proxy/a.h'))
        self.assertIn('pipefail', '\n'.join(style.check_script('a.sh', '#!/bin/bash\nls\n')))

    def test_links(self):
        self.write('proxy/a.cc', 'int a;\n')
        self.assertIn('leads nowhere', self.found(style.check, 'README.md', 'see [a](missing.md)\n'))
        self.assertEqual('', self.found(style.check, 'README.md', 'see [a](proxy/a.cc#x), [b](https://x.test/y), [c](#here)\n'))
        self.assertEqual('', self.found(style.check, 'proxy/README.md', 'see [a](a.cc)\n'))

    def test_format(self):
        command = ['bash', str(HERE / 'format.sh'), str(self.root)]
        self.write('.clang-format', (HERE.parents[1] / '.clang-format').read_text())
        self.write('a.cc', 'int main() { return 0; }\n')
        self.assertEqual(0, subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode)
        self.write('b.cc', 'int   main( ){return 0;}\n')
        self.assertNotEqual(0, subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode)

    def test_headers(self):
        self.write('compile_commands.json', json.dumps([{'directory': str(self.root), 'file': str(self.root / 'a.cc'),
                                                         'command': 'cmake -E env A=b /usr/bin/ccache g++ -std=c++20 -Winvalid-pch -include /nowhere/cmake_pch.hxx -o a.o -c ' +
                                                                    str(self.root / 'a.cc')}]))
        alone = self.write('alone.h', '#pragma once\n#include <string>\nstd::string f();\n')
        leaning = self.write('leaning.h', '#pragma once\nstd::string f();\n')
        quiet = {'stdout': subprocess.DEVNULL, 'check': False}
        command = [sys.executable, headers.__file__, str(self.root)]
        self.assertEqual(0, subprocess.run([*command, str(alone)], **quiet).returncode)
        self.assertEqual(0, subprocess.run([*command, str(alone)], **quiet).returncode, 'from the cache')
        self.assertEqual(1, subprocess.run([*command, str(alone), str(leaning)], **quiet).returncode)


if __name__ == '__main__':
    unittest.main(verbosity=2)
