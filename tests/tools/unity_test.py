"""tools/lib/unity.py: what it puts into one unit, and what never stands together."""

import os
import subprocess
import sys
import tempfile
import unittest

TOOL = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../tools/lib/unity.py')


def source(inner, outer=''):
    return '// A file.\n#include <vector>\n\nnamespace {\n%s\n}  // namespace\n%s\n' % (inner, outer)


class Unity(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def write(self, **texts):
        for name, text in texts.items():
            with open(self.path(name + '.cc'), 'w', encoding='utf-8') as file:
                file.write(text)
        return [self.path(name + '.cc') for name in texts]

    def run_tool(self, *words):
        return subprocess.run([sys.executable, TOOL, *words], capture_output=True, text=True)

    def names(self, sources, files=8):
        return self.run_tool('--names', self.path('x'), str(files), *sources).stdout.split()

    def units(self, sources, files=8):
        names = self.names(sources, files)
        self.assertEqual(self.run_tool(*names, '--', *sources).returncode, 0)
        found = []
        for name in names:
            with open(name, encoding='utf-8') as file:
                found.append([os.path.basename(line.split('"')[1]) for line in file if line.startswith('#include')])
        return found

    def test_files_stand_together_in_their_order(self):
        sources = self.write(a=source('int one() {'), b=source('int two() {'), c=source('int three() {'))
        self.assertEqual(self.units(sources), [['a.cc', 'b.cc', 'c.cc']])

    def test_every_file_stands_in_one_unit(self):
        sources = self.write(**{'f%d' % n: source('int f%d() {' % n) for n in range(20)})
        units = self.units(sources)
        self.assertEqual(len(units), 3)
        self.assertEqual(sorted(sum(units, [])), sorted('f%d.cc' % n for n in range(20)))

    def test_equal_names_part_files(self):
        for inner in (
            'int same(int a) {',
            'constexpr int same = 1;',
            'constexpr int other%d = 1, same = 2;',
            'struct same {',
            'using same = int;',
            'std::vector<int> same[] = {1};',
        ):
            with self.subTest(inner):
                texts = [source(inner % n if '%' in inner else inner) for n in range(2)]
                self.assertEqual(self.units(self.write(a=texts[0], b=texts[1])), [['a.cc'], ['b.cc']])

    def test_a_type_parts_from_those_that_mean_another(self):
        self.assertEqual(
            len(self.units(self.write(a=source('using Bytes = char;'), b=source('int f() {', 'Bytes g();')))), 2
        )

    def test_a_type_within_a_function_is_its_own(self):
        inside = source('int f() {\n  struct Case {\n  };\n  Case c;\n}')
        self.assertEqual(len(self.units(self.write(a=source('struct Case {'), b=inside))), 1)

    def test_what_a_header_beside_it_says_counts(self):
        with open(self.path('near.h'), 'w', encoding='utf-8') as file:
            file.write('inline Step made();\n')
        sources = self.write(a=source('struct Step {'), b='#include "near.h"\n' + source('int f() {'))
        self.assertEqual(len(self.units(sources)), 2)

    def test_macros_stand_last(self):
        sources = self.write(a='#define X 1\n' + source('int one() {'), b=source('int two() {'))
        self.assertEqual(self.units(sources), [['b.cc', 'a.cc']])

    def test_macros_of_a_header_beside_it_are_for_all(self):
        with open(self.path('near.h'), 'w', encoding='utf-8') as file:
            file.write('#define NEAR 1\n')
        sources = self.write(
            a='#include "near.h"\n' + source('int one() {'), b='#include "near.h"\n' + source('int two() {')
        )
        self.assertEqual(len(self.units(sources)), 1)

    def test_too_few_units_say_what_to_do(self):
        sources = self.write(a=source('int same() {'), b=source('int same() {'))
        done = self.run_tool(self.path('one.cc'), '--', *sources)
        self.assertEqual(done.returncode, 1)
        self.assertIn('touch meson.build', done.stderr)

    def test_a_unit_that_is_as_it_was_is_not_written(self):
        sources = self.write(a=source('int one() {'))
        name = self.names(sources)[0]
        self.run_tool(name, '--', *sources)
        os.utime(name, (1, 1))
        self.run_tool(name, '--', *sources)
        self.assertEqual(os.stat(name).st_mtime, 1)


if __name__ == '__main__':
    unittest.main()
