#!/usr/bin/env python3
"""Tests tools/lib/packages.sh: a library is set up only where a source includes a header of it.

python3 tests/tools/packages_test.py
"""

import os
import re
import subprocess
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDERS = ('src', 'include', 'tests')


def included():
    """What stands between the brackets of #include lines, and between quotes."""
    found = set()
    for folder in FOLDERS:
        for where, _, names in os.walk(os.path.join(ROOT, folder)):
            for name in names:
                if name.endswith(('.h', '.cc')):
                    with open(os.path.join(where, name), encoding='utf-8') as file:
                        found.update(re.findall(r'(?m)^ *# *include *[<"]([^>"]+)[>"]', file.read()))
    return found


def libraries():
    script = '. tools/lib/packages.sh; echo "${libraries[@]}"'
    return subprocess.run(['bash', '-c', script], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()


class Libraries(unittest.TestCase):
    def test_each_has_a_header_that_is_included(self):
        wanted, names = included(), libraries()
        self.assertGreater(len(names), 10)
        for name in names:
            listed = subprocess.run(['dpkg', '-L', name], capture_output=True, text=True)
            self.assertEqual(listed.returncode, 0, name + ' is not installed')
            headers = [path for path in listed.stdout.split('\n') if path.startswith('/usr/include/')]
            used = [path for path in headers if any(path.endswith('/' + header) for header in wanted)]
            self.assertTrue(used, 'nothing includes a header of ' + name)


if __name__ == '__main__':
    unittest.main()
