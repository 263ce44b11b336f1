#!/usr/bin/env python3
"""Asks imgring for hostile and conformance pictures with options that copy pixels and keep metadata:
what is read of a source after its loader ended shows on the build with the address sanitizer.

    python3 tests/hostile/run_copying.py [--seed N] [--count N] [--only TEXT] [--keep DIR]

Each picture is asked for three times, with one to three of the options; same seed, same requests.
--count takes so many pictures of all; otherwise it is all of them. What an answer must be is said in
run_hostile.py. The conformance pictures are drawn by .cache/venv (./tools/setup --tests).
The last line is `N passed, M failed`.
"""

import argparse
import base64
import os
import random
import re
import subprocess
import sys
import tempfile

import make_hostile
import run_hostile

common = run_hostile.common

# With `sm:0` and `scp:0` as a part of the whole, not as an exception.
OPTIONS = [
    'rot:90',
    'rot:180',
    'fl:1:1',
    'bl:2',
    'sh:1',
    'pix:4',
    't:10',
    'rs:fill:20:16/g:sm',
    'wm:0.7:ce',
    'wm:1:re:3:3',
    'sm:0',
    'sm:0',
    'scp:0',
    'scp:0',
    'sm:0/kcr:0',
    'w:40',
    'bg:255:0:0',
    'pd:3',
]
FORMATS = ['jpg', 'png', 'webp', 'webp', 'tiff', 'gif', 'bmp', 'ico', 'avif', 'jxl', None]
SLOW_FORMATS = {'avif', 'jxl'}
REQUESTS_EACH = 3


def drawn(rng, slow):
    chosen = rng.sample(OPTIONS, rng.randint(1, 3))
    formats = [name for name in FORMATS if slow or name not in SLOW_FORMATS]
    return '/'.join(dict.fromkeys(chosen)), rng.choice(formats)


class CopyingRun(run_hostile.Run):
    def asked(self, name):
        rng = random.Random('%d %s' % (self.options.seed, name))
        small = os.path.getsize(os.path.join(self.options.pictures, name)) < 20000
        return [drawn(rng, small) for _ in range(REQUESTS_EACH)]


def conformance_pictures(folder):
    """The names of those that the cases of tests/conformance ask for."""
    python = os.path.join(common.ROOT, '.cache/venv/bin/python')
    script = os.path.join(common.ROOT, 'tests/conformance/sources.py')
    subprocess.run([python, script, folder], check=True, stdout=subprocess.DEVNULL)
    return sorted(name for name in os.listdir(folder) if re.fullmatch(r'[\w.-]+', name))


def chosen_names(options):
    good, hostile = conformance_pictures(options.pictures), make_hostile.write(options.pictures, options.seed)
    good, hostile = ([name for name in names if re.search(options.only, name)] for names in (good, hostile))
    if not options.count:
        return good + hostile
    hostile = [name for name in hostile if not run_hostile.SLOW_ON_PURPOSE.search(name)]
    rng, half = random.Random(options.seed), options.count // 2
    good = rng.sample(good, min(half, len(good)))
    return good + rng.sample(hostile, min(options.count - len(good), len(hostile)))


def main(options):
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or temporary
        options.pictures = os.path.join(folder, 'pictures')
        names = chosen_names(options)
        mark = base64.b64encode(make_hostile.VALID['png']).decode()
        return run_hostile.ask(options, CopyingRun, names, folder, IMGPROXY_WATERMARK_DATA=mark)


def parsed(arguments=None):
    parser = argparse.ArgumentParser(description='Asks imgring for pictures with options that copy pixels.')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument(
        '--count', type=int, default=0, help='so many pictures, half of them good, none slow on purpose'
    )
    parser.add_argument('--only', default='', help='a pattern of names')
    parser.add_argument('--serial', action='store_true')
    parser.add_argument('--keep', help='a folder for the pictures and the log')
    return parser.parse_args(arguments)


if __name__ == '__main__':
    sys.exit(main(parsed()))
