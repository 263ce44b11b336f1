#!/usr/bin/env python3
"""The pages of docs/ that are made from the program's tables are what it says today.

python3 tests/tools/reference_test.py     IMGRING names the program; without it: build/imgring
"""

import importlib.machinery
import importlib.util
import os
import re
import subprocess
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOOL = os.path.join(ROOT, 'tools/reference')
sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader('reference', TOOL)
reference = importlib.util.module_from_spec(importlib.util.spec_from_loader('reference', loader))
loader.exec_module(reference)


def written(name):
    with open(os.path.join(ROOT, 'docs', name), encoding='utf-8') as file:
        return file.read()


@unittest.skipUnless(os.path.exists(reference.PROGRAM), 'the program is not built')
class Pages(unittest.TestCase):
    def test_they_are_current(self):
        done = subprocess.run([TOOL, '--check'], stdout=subprocess.PIPE, text=True)
        self.assertEqual((done.returncode, done.stdout), (0, ''))

    def test_all_that_help_lists_is_in_them(self):
        names = re.findall(r'^  ([A-Z]\w+)  \(', reference.output_of('help', 'variables'), re.M)
        self.assertGreater(len(names), 100)
        page = written('settings.md')
        self.assertEqual([name for name in names if '| `%s` |' % name not in page], [])
        names = re.findall(r'^(\w[\w-]+)(?: \(| {2})', reference.output_of('help', 'url-options'), re.M)
        self.assertGreater(len(names), 80)
        page = written('url-options.md')
        self.assertEqual([name for name in names if '| `%s` |' % name not in page], [])

    def test_every_cell_of_a_row_is_there(self):
        for name in ('settings.md', 'url-options.md', 'metrics.md'):
            columns = 0
            for line in written(name).split('\n'):
                if re.match(r'\| ---', line):
                    columns = line.count('---')
                elif line.startswith('| `'):
                    cells = re.split(r'(?<!\\)\|', line)
                    self.assertEqual(len(cells), columns + 2, name + ': ' + line)


class Tables(unittest.TestCase):
    def test_older_names_of_metrics_are_left_out(self):
        page = (
            '# HELP new One | two.\n# TYPE new gauge\nnew 1\n'
            '# HELP old One. (older name of imgring_*, gone with 0.3)\n# TYPE old gauge\nold 1\n'
        )
        self.assertEqual(reference.metric_rows(page), '| `new` | gauge | One \\| two. |\n')


if __name__ == '__main__':
    sys.exit(unittest.main())
