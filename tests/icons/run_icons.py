#!/usr/bin/env python3
"""Draws and serves the SVGs of Debian's icon themes and wallpapers: what people have.

    python3 tests/icons/run_icons.py [--sample N] [FOLDER...]

IMGRING names the program; rsvg-convert (package librsvg2-bin) is the judge. Links are followed once: each file is asked
for once. None may be refused that rsvg-convert draws; what is served must be drawn again with the same bytes of PNG.
Without folders those of the packages are taken, and a package that is not installed is a failure, not less to do.
The last line is `N passed, M failed`.
"""

import argparse
import concurrent.futures
import os
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../real'))
import common  # noqa: E402

FOLDERS = {
    'breeze-icon-theme': '/usr/share/icons/breeze',
    'adwaita-icon-theme': '/usr/share/icons/Adwaita',
    'papirus-icon-theme': '/usr/share/icons/Papirus',
    'gnome-backgrounds': '/usr/share/backgrounds/gnome',
}
CLIENTS = 3
WIDTH = 128


def svgs_of(folders):
    """Each file once, however many links lead to it."""
    found = set()
    for folder in folders:
        for base, _, names in os.walk(folder):
            for name in names:
                path = os.path.realpath(os.path.join(base, name))
                if name.endswith(('.svg', '.svgz')) and os.path.isfile(path):
                    found.add(path)
    return sorted(found)


def judge_draws(path):
    done = subprocess.run(
        ['rsvg-convert', '--width', str(WIDTH), '--output', '/dev/null', path], capture_output=True, timeout=60
    )
    return done.returncode == 0


def problem(server, path, folder):
    """What is wrong with one file; '' when nothing is."""
    options = 'w:%d' % WIDTH
    drawn = server.image(options, 'local://' + path, 60, '.png')
    served = server.image('w:0', 'local://' + path, 60)
    if drawn.status != 200 or served.status != 200:
        if not judge_draws(path):
            return ''
        return 'drawn %r, served %r' % (drawn, served)
    copy = os.path.join(folder, '%d.svg' % abs(hash(path)))
    with open(copy, 'wb') as file:
        file.write(served.body)
    again = server.image(options, 'local://' + copy, 60, '.png')
    os.remove(copy)
    return '' if again.body == drawn.body else 'what is served is drawn differently: %r' % again


def main():
    parser = argparse.ArgumentParser(description='Draws and serves icons.')
    parser.add_argument('--sample', type=int, default=0, help='so many files, the same every time')
    parser.add_argument('folders', nargs='*')
    options = parser.parse_args()
    checks = common.Checks()
    folders = options.folders
    if not folders:
        for package, folder in FOLDERS.items():
            checks.that('%s is installed' % package, os.path.isdir(folder), folder)
        folders = list(FOLDERS.values())
    paths = svgs_of(folders)
    checks.that('there are SVGs', len(paths) > 0, str(folders))
    if options.sample:
        paths = sorted(random.Random(1).sample(paths, min(options.sample, len(paths))))
    with tempfile.TemporaryDirectory() as folder:
        server = common.Imgring(
            folder,
            IMGPROXY_LOCAL_FILESYSTEM_ROOT='/',
            IMGPROXY_WORKERS='2',
            IMGPROXY_BIND='127.0.0.1:0',
            IMGPROXY_DEVELOPMENT_ERRORS_MODE='true',
        )
        with server, concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            for path, wrong in zip(paths, pool.map(lambda p: problem(server, p, folder), paths)):
                if wrong:
                    checks.that(path, False, wrong)
                else:
                    checks.passed += 1
            checks.that('the server lives', server.running())
    return checks.end()


if __name__ == '__main__':
    sys.exit(main())
