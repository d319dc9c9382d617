#!/usr/bin/python3
"""The scripts of test_drivers.py with TLS on both legs, shadowed and while the mode flips; the clients check the
certificate and do without channel binding, which a hop with its own certificate cannot pass on."""
import unittest

from clients.driver_cases import DriverCases


class DriversOverTls(DriverCases, unittest.TestCase):
    tls = True


if __name__ == '__main__':
    unittest.main(verbosity=2)
