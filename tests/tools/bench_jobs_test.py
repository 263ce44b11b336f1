#!/usr/bin/env python3
"""Tests tools/bench --jobs on figures whose answers are known: which files, how many requests, ratios.

python3 tests/tools/bench_jobs_test.py
"""

import os
import sys
import unittest

TOOLS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), 'tools')
sys.path.insert(0, os.path.join(TOOLS, 'measure'))
import run_jobs as jobs  # noqa: E402

FILES = ['p%02d.jpg' % n for n in range(1, 25)] + ['a%d.png' % n for n in range(1, 7)]
FILES += ['p10-p3.jpg', 'p10-rot.jpg', 'p16-w.webp', 'w3.webp', 'w4.webp', 'p20-i.heic', 'p16-cmyk.jpg']
FILES += ['p16-grey.jpg', 'p16-a.avif', 'p16-rgb.png', 'logo.svg', 'wm.png', 'd01.jpg', 'complete']


def row(cpu_ms, p99=10.0, errors=0):
    figures = dict.fromkeys(('faults', 'p50', 'bytes', 'rss', 'anon'), 1.0)
    return {**figures, 'cpu_ms': cpu_ms, 'p99': p99, 'errors': errors}


class Sources(unittest.TestCase):
    def test_every_job_has_files_and_no_other_jobs(self):
        for job in jobs.JOBS:
            self.assertTrue(jobs.sources_of(job, FILES), job)
        self.assertEqual(len(jobs.sources_of('jpeg500', FILES)), 24)
        self.assertEqual(len(jobs.sources_of('jpeg1600', FILES)), 8)
        self.assertEqual(len(jobs.sources_of('progressive500', FILES)), 5)
        self.assertEqual(jobs.sources_of('webp-webp', FILES), ['p16-w.webp', 'w3.webp', 'w4.webp'])
        self.assertEqual(jobs.sources_of('dense500', FILES), ['d01.jpg'])

    def test_a_job_without_files_ends_the_run(self):
        with self.assertRaises(SystemExit):
            jobs.sources_of('dense500', ['p01.jpg'])

    def test_sets(self):
        self.assertEqual(len(jobs.SETS['core']), 13)
        self.assertEqual(jobs.wanted_jobs(None), jobs.SETS['core'] + jobs.SETS['files'])
        self.assertEqual(jobs.wanted_jobs(['webp500', 'webp500']), ['webp500'])


class Counts(unittest.TestCase):
    def test_whole_passes_with_enough_cpu_on_the_least(self):
        self.assertEqual(jobs.count_of([row(50), row(25)], 24), 72)  # 1500 / 25 = 60
        self.assertEqual(jobs.count_of([row(5000)], 5), 5)
        self.assertEqual(jobs.count_of([row(0)], 1), jobs.REQUESTS_MAX)

    def test_faults_are_those_of_the_process_and_of_children_that_ended(self):
        self.assertEqual(jobs.faults_of('1 (a) b) S 1 1 1 0 -1 4194304 100 20 3 4 5 6'), 120)


class Ratios(unittest.TestCase):
    def test_the_median_of_the_rounds_ratios(self):
        rows = {'imgring': [row(10), row(30), row(12)], 'other': [row(20, 20), row(40, 40), row(20, 5)]}
        result = jobs.judged(rows, 'imgring')
        self.assertNotIn('ratio', result['imgring'])
        other = result['other']
        self.assertEqual((other['ratio'], other['least'], other['greatest']), (0.6, 0.5, 0.75))
        self.assertEqual(other['p99_ratio'], 0.5)
        self.assertEqual(result['imgring']['cpu_ms'], 12)

    def test_failed_requests_are_summed(self):
        rows = {'imgring': [row(1, errors=2), row(1, errors=1)], 'other': [row(1), row(1)]}
        self.assertEqual(jobs.judged(rows, 'imgring')['imgring']['errors'], 3)


if __name__ == '__main__':
    unittest.main()
