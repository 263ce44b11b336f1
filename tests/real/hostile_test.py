#!/usr/bin/env python3
"""A part of the hostile pictures of tests/hostile, small enough to be asked for at every run.

python3 tests/real/hostile_test.py     IMGRING names the program
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../hostile'))
import run_hostile  # noqa: E402

if __name__ == '__main__':
    sys.exit(run_hostile.main(run_hostile.parsed(['--seed', '7', '--count', '120', '--quick'])))
