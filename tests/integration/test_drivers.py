#!/usr/bin/python3
"""Real drivers, some twenty cases each: the same script direct, through Parallax with shadowing off, and with it on and
rules that match a part of the statements. What the scripts print, results and errors, must be the same."""
import json
import unittest

from clients.driver_cases import DriverCases
from clients.rig import CLIENTS
from support.proxy import ROOT


class Drivers(DriverCases, unittest.TestCase):
    tls = False

    def test_packages_are_those_of_the_demonstration(self):
        here, there = (json.loads((folder / 'package-lock.json').read_text())['packages']
                       for folder in (CLIENTS, ROOT / 'deploy' / 'traffic'))
        for name in ('node_modules/pg', 'node_modules/pg-protocol', 'node_modules/postgres'):
            self.assertEqual(there[name]['version'], here[name]['version'])


if __name__ == '__main__':
    unittest.main(verbosity=2)
