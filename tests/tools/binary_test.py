#!/usr/bin/env python3
"""How the program is linked: what it needs no longer is not writable, and it stands at any address."""

import os
import subprocess
import sys
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..'))
PROGRAM = os.path.join(ROOT, 'build/imgring')


def readelf(*options):
    return subprocess.run(['readelf', '-W', *options, PROGRAM], capture_output=True, text=True, check=True).stdout


class Linked(unittest.TestCase):
    def test_addresses_of_functions_are_read_only_once_it_runs(self):
        self.assertIn('GNU_RELRO', readelf('--segments'))
        self.assertIn('BIND_NOW', readelf('--dynamic'))

    def test_no_stack_is_executable(self):
        stack = [line for line in readelf('--segments').split('\n') if 'GNU_STACK' in line]
        self.assertEqual(len(stack), 1)
        self.assertNotIn('RWE', stack[0])

    def test_it_stands_at_any_address(self):
        self.assertIn('DYN', [line for line in readelf('--file-header').split('\n') if 'Type:' in line][0])

    def test_crash_reports_can_name_the_build(self):
        self.assertRegex(readelf('--notes'), r'Build ID: [0-9a-f]{40}')


if __name__ == '__main__':
    if not os.path.exists(PROGRAM):
        print('no program: %s' % PROGRAM, file=sys.stderr)
    unittest.main()
