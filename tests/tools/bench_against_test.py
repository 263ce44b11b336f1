#!/usr/bin/env python3
"""Tests the statistics and verdicts of tools/bench --against on series whose answers are known.

python3 tests/tools/bench_against_test.py
"""

import io
import os
import random
import sys
import tempfile
import unittest
from contextlib import redirect_stderr

TOOLS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), 'tools')
sys.path.insert(0, os.path.join(TOOLS, 'measure'))
import run_against as against  # noqa: E402
import run_bench as bench  # noqa: E402


def series(first, last, count):
    """Evenly spaced, in an order that is not theirs."""
    values = [first + (last - first) * i / (count - 1) for i in range(count)]
    random.Random(1).shuffle(values)
    return values


class Interval(unittest.TestCase):
    # Ranks of the 95 % interval of a median as tables print them.
    KNOWN = {5: 0, 6: 1, 8: 1, 9: 2, 10: 2, 15: 4, 20: 6, 25: 8, 30: 10, 50: 18, 100: 40}

    def test_ranks_are_those_of_the_tables(self):
        for count, rank in self.KNOWN.items():
            self.assertEqual(against.interval_rank(count), rank, count)

    def test_six_rounds_are_the_fewest(self):
        self.assertEqual(against.ROUNDS_MIN, 6)

    def test_it_holds_the_median_as_often_as_it_says(self):
        drawn, held, tries = random.Random(5), 0, 2000
        for _ in range(tries):
            row = against.judge_ratios([drawn.lognormvariate(0, 0.1) for _ in range(20)])
            held += row['low'] <= 1 <= row['high']
        self.assertGreater(held / tries, 0.945)


class Ratios(unittest.TestCase):
    def test_median_and_interval_of_a_known_series(self):
        row = against.judge_ratios(series(0.91, 1.10, 20))
        self.assertAlmostEqual(row['median'], 1.005)
        self.assertAlmostEqual(row['low'], 0.96)  # the 6th least
        self.assertAlmostEqual(row['high'], 1.05)  # the 6th greatest
        self.assertTrue(row['holds'])
        self.assertEqual(row['verdict'], 'as before')

    def test_a_lower_end_of_just_two_percent_holds_and_above_it_does_not(self):
        self.assertTrue(against.judge_ratios([1.02] * 20)['holds'])
        row = against.judge_ratios([1.0201] * 20)
        self.assertFalse(row['holds'])
        self.assertIn('costs more', row['verdict'])

    def test_one_mad_round_decides_nothing(self):
        self.assertTrue(against.judge_ratios([1.0] * 15 + [9.0] * 5)['holds'])
        self.assertFalse(against.judge_ratios([1.05] * 15 + [0.1] * 5)['holds'])

    def test_less_is_said(self):
        row = against.judge_ratios(series(0.90, 0.95, 20))
        self.assertTrue(row['holds'])
        self.assertIn('less by at least', row['verdict'])

    def test_too_few_rounds_never_hold(self):
        for count in range(0, 6):
            row = against.judge_ratios([1.0] * count)
            self.assertFalse(row['holds'], count)
            self.assertIn('too few rounds', row['verdict'])

    def test_a_failed_request_never_holds(self):
        row = against.judge_ratios([1.0] * 20, errors=3)
        self.assertFalse(row['holds'])
        self.assertEqual(row['verdict'], '3 requests failed')


class Memory(unittest.TestCase):
    def test_medians_within_five_percent_hold(self):
        before = [(100, 50, 40, 20)] * 3 + [(300, 200, 100, 90)] * 2
        rows = against.judge_memory(before, [(105, 50, 30, 21)] * 5)
        self.assertEqual([rows[name]['holds'] for name in against.FIGURES], [True] * 4)
        self.assertAlmostEqual(rows['RSS at the peak']['ratio'], 1.05)

    def test_each_figure_is_judged_alone(self):
        for number, name in enumerate(against.FIGURES):
            now = [100.0] * 4
            now[number] = 105.1
            rows = against.judge_memory([(100.0,) * 4] * 5, [tuple(now)] * 5)
            self.assertEqual([key for key, row in rows.items() if not row['holds']], [name])
            self.assertEqual(rows[name]['verdict'], 'more by 5.1 %')

    def test_too_few_bursts_never_hold(self):
        rows = against.judge_memory([(1, 1, 1, 1)] * 4, [(1, 1, 1, 1)] * 5)
        self.assertFalse(any(row['holds'] for row in rows.values()))


class Rounds(unittest.TestCase):
    def test_a_round_asks_for_each_source_equally_often(self):
        for recipe, (_, _, _, sources, _) in bench.RECIPES.items():
            for scale in (0.001, 0.33, 0.5, 1):
                count = against.count_of(recipe, scale)
                self.assertGreater(count, 0)
                self.assertEqual(count % len(sources), 0)

    def test_the_order_is_swapped_each_round(self):
        self.assertEqual([against.in_turns([1, 2], number) for number in range(3)], [[1, 2], [2, 1], [1, 2]])

    def test_a_build_is_a_program_or_its_folder(self):
        with tempfile.TemporaryDirectory() as folder:
            program = os.path.join(folder, 'imgring')
            with open(program, 'w') as file:
                file.write('#!/bin/sh\n')
            with self.assertRaises(SystemExit):
                against.program_of(folder)
            os.chmod(program, 0o755)
            self.assertEqual(against.program_of(folder), program)
            self.assertEqual(against.program_of(program), program)

    def test_arguments_that_decide_nothing_are_refused(self):
        for wrong in (['--rounds', '5'], ['--bursts', '4']):
            kept, sys.argv = sys.argv, ['bench', '--against', 'x', *wrong]
            try:
                with self.assertRaises(SystemExit) as caught, redirect_stderr(io.StringIO()) as said:
                    against.arguments()
            finally:
                sys.argv = kept
            self.assertEqual(caught.exception.code, 2)
            self.assertIn('at least', said.getvalue())


if __name__ == '__main__':
    unittest.main()
