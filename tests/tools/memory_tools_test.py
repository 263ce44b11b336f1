#!/usr/bin/env python3
"""Tests the judgement of tools/soak (slope against noise) and the pictures of memory and CPU.

python3 tests/tools/memory_tools_test.py
"""

import json
import os
import random
import sys
import unittest
import xml.etree.ElementTree as ElementTree

TOOLS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), 'tools')
sys.path.insert(0, os.path.join(TOOLS, 'measure'))
import cpu_picture  # noqa: E402
import memory_picture  # noqa: E402
import memory_report  # noqa: E402
import memory_settings  # noqa: E402
import mixed_load  # noqa: E402
import run_soak as soak  # noqa: E402


def samples(growth_mb, minutes=20, seed=1):
    """RssAnon of a server that rests at 30 MB, with jobs of up to 60 MB on top, once a second."""
    drawn = random.Random(seed)
    end = minutes * 60
    return [(at, 30 + growth_mb * at / end + drawn.random() ** 3 * 60 + drawn.gauss(0, 0.5)) for at in range(end)]


class Slope(unittest.TestCase):
    def test_jobs_that_come_and_go_are_no_slope(self):
        for seed in range(30):
            self.assertEqual(soak.check_slope(samples(0, seed=seed)), [])

    def test_a_leak_is_one(self):
        for seed in range(30):
            self.assertEqual(soak.check_slope(samples(15, seed=seed)), ['RssAnon grows'])

    def test_a_step_in_the_first_minutes_is_none(self):
        first = [(at, mb - 20 if at < soak.SKIPPED_S else mb) for at, mb in samples(0)]
        self.assertEqual(soak.check_slope(first), [])

    def test_less_than_the_skipped_time_says_nothing(self):
        self.assertIsNone(soak.slope_of(samples(0, minutes=3)))


class Picture(unittest.TestCase):
    RUN = {
        'name': 'one <&> two',
        'samples': [(t / 10, 40 + t % 7, 12 + t % 5) for t in range(900)],
        'bursts': [(2, 20), (45, 60)],
        'ticks': [10, 20, 30],
        'calibrations': [33],
    }

    def test_it_is_an_svg_with_every_run_and_mark(self):
        text = memory_picture.svg_of([self.RUN, {**self.RUN, 'name': 'other'}])
        root = ElementTree.fromstring(text)
        words = [element.text for element in root.iter() if element.tag.endswith('text')]
        self.assertIn('one <&> two', words)
        self.assertIn('other', words)
        lines = [element for element in root.iter() if element.tag.endswith('polyline')]
        self.assertEqual(len(lines), 4)  # RSS and RssAnon of each
        diamonds = [element for element in root.iter() if element.tag.endswith('path')]
        self.assertEqual(len(diamonds), 3)  # one of each run, one of the legend

    def test_thinning_keeps_the_peaks(self):
        many = [(t / 100, 50.0) for t in range(20000)]
        many[7777] = (77.77, 99.0)
        few = memory_picture.thinned(many, 300)
        self.assertLessEqual(len(few), 700)
        self.assertEqual(max(mb for _, mb in few), 99.0)

    def test_steps_are_round(self):
        for top, wanted in ((60, 20), (99, 20), (101, 50), (4, 1), (1, 1)):
            self.assertEqual(memory_picture.nice_step(top, 5), wanted, top)


class CpuPicture(unittest.TestCase):
    def test_bars_are_as_long_as_their_figures(self):
        rows = {
            'a & b': {'cpu_ms': 20.0, 'per_s': 100.0},
            'bare': {'cpu_ms': 40.0, 'per_s': 50.0},
            'none': {'cpu_ms': 10.0, 'per_s': None},
        }
        root = ElementTree.fromstring(cpu_picture.svg_of({'jpeg500': rows}, 'made <so>'))
        words = [element.text for element in root.iter() if element.tag.endswith('text')]
        for wanted in ('a & b', 'bare', '40.0', '-', 'made <so>', cpu_picture.TITLES['jpeg500']):
            self.assertIn(wanted, words)
        bars = [element for element in root.iter() if element.tag.endswith('rect')][4:]  # paper, legend
        widths = [float(bar.get('width')) for bar in bars]
        self.assertEqual(len(widths), 6)
        self.assertAlmostEqual(widths[1], 2 * widths[0], delta=0.2)
        self.assertAlmostEqual(widths[2], widths[0] / 2, delta=0.2)
        self.assertEqual(widths[5], 0)


class CommittedPicture(unittest.TestCase):
    def test_it_is_drawn_of_the_figures_beside_it(self):
        docs = os.path.join(os.path.dirname(TOOLS), 'docs')
        with open(docs + '/cpu.json') as file:
            run = json.load(file)
        with open(docs + '/cpu.svg') as file:
            self.assertEqual(file.read(), cpu_picture.svg_of(run['recipes'], run['note']))
        self.assertIn('imgproxy', run['recipes']['jpeg500'])


class SettingsPicture(unittest.TestCase):
    def test_a_panel_for_each_of_the_four(self):
        runs = [
            (panel, {value: [(0, 0.0), (5, 40.0), (9, 3.0)] for value in panel[3]}) for panel in memory_settings.PANELS
        ]
        root = ElementTree.fromstring(memory_settings.svg_of(runs))
        words = [element.text for element in root.iter() if element.tag.endswith('text')]
        names = [word for word in words if word.startswith('IMGPROXY_')]
        self.assertEqual(len(set(names)), 4)
        self.assertIn('4 MiB', words)
        lines = [element for element in root.iter() if element.tag.endswith('polyline')]
        self.assertEqual(len(lines), sum(len(panel[3]) for panel in memory_settings.PANELS))

    def test_bytes_of_a_pool_are_those_of_all_loops(self):
        page = (
            'imgring_buffer_pool_idle_bytes{type="download",loop="0"} 1048576\n'
            'imgring_buffer_pool_in_use_bytes{type="download",loop="1"} 2097152\n'
            'imgring_buffer_pool_idle_bytes{type="gzip",loop="0"} 4194304\n'
        )
        self.assertEqual(memory_settings.pool('download')(page), 3)
        self.assertEqual(memory_settings.pool('gzip')(page), 4)


class Load(unittest.TestCase):
    def test_same_seed_same_requests(self):
        names = ['a.jpg', 'b.png', 'c.gif']
        real, mixed_load.sources = mixed_load.sources, lambda: list(names)
        try:
            first = mixed_load.requests(3, 100)
            self.assertEqual(first, mixed_load.requests(3, 100))
            self.assertNotEqual(first, mixed_load.requests(4, 100))
            self.assertEqual({name for name, _, _ in first[:3]}, set(names))
        finally:
            mixed_load.sources = real

    def test_settings_are_read(self):
        self.assertEqual(memory_report.settings_of('small:A=1,B=x=y'), ('small', {'A': '1', 'B': 'x=y'}))
        for bad in ('no colon', 'x:A', ':A=1'):
            with self.assertRaises(memory_report.argparse.ArgumentTypeError):
                memory_report.settings_of(bad)

    def test_bmp_rows_are_padded_and_bottom_up(self):
        data = mixed_load.bmp_of(1, 2, bytes([1, 2, 3, 4, 5, 6]))
        self.assertEqual(data[54:], bytes([6, 5, 4, 0, 3, 2, 1, 0]))


if __name__ == '__main__':
    unittest.main()
