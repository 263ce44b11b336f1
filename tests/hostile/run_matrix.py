#!/usr/bin/env python3
"""Asks imgring for honest pictures of every kind with every kind of option: no answer may be a 500,
and for one in twenty the colours must be those that were drawn.

    .cache/venv/bin/python tests/hostile/run_matrix.py [--seed N] [--count N] [--only TEXT] [--sheet FILE]

Pairs: every picture (format x model x samples x depth x alpha x profile) is asked for with every
option once over all its formats, 3000 requests at most; --count takes so many of them. --sheet
writes what came out as one PNG to look at. The last line is `N passed, M failed`.
"""

import argparse
import base64
import concurrent.futures
import os
import random
import re
import sys
import tempfile

import pyvips

import pictures_matrix

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../real'))
import common  # noqa: E402

REQUESTS_MAX = 3000
LOOKED_AT = 20  # one in so many
WHITE, BACK = (255, 255, 255), (255, 0, 255)
OPTIONS = ['w:0', 'bg:255:0:255', 't:10', 'wm:1:ce:0:0:0.1', 'rot:90', 'bl:1', 'scp:0', 'sm:0', 'fl:1']
RESULTS = ['jpg', 'png', 'webp', 'png', 'tiff', 'bmp', 'ico', 'gif']
LOSSY = {'jpg': 40, 'webp': 22, 'gif': 30}
# Of the source: bars between quarters are not looked at.
SOURCE_LOSSY = {'jpg': 12, 'avif': 12, 'heic': 16, 'gif': 4, 'jxl': 2}
PLACES = [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)]
CLIENTS = 3


def moved(values, options):
    """The quarters behind an option."""
    if options == 'rot:90':
        return [values[2], values[0], values[3], values[1]]
    if options == 'fl:1':
        return [values[1], values[0], values[3], values[2]]
    return values


def wanted(picture, options, result):
    """[(r, g, b, a)] of the quarters."""
    flat = BACK if options.startswith('bg') else WHITE if result == 'jpg' else None
    colours, alphas = picture.colours(), picture.alpha or [255] * 4
    out = []
    for colour, alpha in zip(colours, alphas):
        if flat:
            share = alpha / 255
            out.append(tuple(c * share + b * (1 - share) for c, b in zip(colour, flat)) + (255,))
        else:
            out.append(tuple(colour) + (alpha,))
    return moved(out, options)


def seen(body):
    image = pyvips.Image.new_from_buffer(body, '')
    if image.interpretation not in ('srgb', 'b-w'):
        image = image.colourspace('srgb')
    pixels = []
    for x, y in PLACES:
        pixel = image(int(image.width * x), int(image.height * y))
        alpha = pixel.pop() if len(pixel) in (2, 4) else 255
        pixels.append(tuple(pixel * 3 if len(pixel) == 1 else pixel) + (alpha,))
    return pixels


def difference(found, expected, result):
    worst = 0
    for a, b in zip(found, expected):
        if b[3] == 0 and a[3] == 0:
            continue
        if result == 'gif' and 0 < b[3] < 255:
            continue  # all or nothing
        worst = max([worst] + [abs(x - y) for x, y in zip(a, b)])
    return worst


def comparable(picture, options, result):
    """Whether the colours are known: profiles of the model's own change them."""
    own = {'grey': '-grey.', 'rgb': '-rgb.', 'cmyk': '-cmyk.'}[picture.model]
    return (
        options not in ('t:10', 'wm:1:ce:0:0:0.1')
        and picture.alpha != 'any'
        and own not in picture.name
        and result not in ('ico', 'bmp')
    )


def requests(options):
    """[(picture, options, result)]: each picture with each option, the results in turn."""
    rng = random.Random(options.seed)
    all_pictures = [p for p in pictures_matrix.pictures() if re.search(options.only, p.name)]
    asked = []
    for at, picture in enumerate(all_pictures):
        for number, option in enumerate(OPTIONS):
            asked.append((picture, option, RESULTS[(at + number * 3) % len(RESULTS)]))
    rng.shuffle(asked)
    return asked[: min(options.count or REQUESTS_MAX, REQUESTS_MAX)]


def ask(server, number, picture, options, result):
    """(problem, body) of one request."""
    answer = server.image(options, 'local:///' + picture.name, 30, '.' + result)
    if answer.status != 200:
        return 'status %d %s' % (answer.status, answer.body[:120]), None
    if number % LOOKED_AT or not comparable(picture, options, result):
        return '', answer.body
    found, expected = seen(answer.body), wanted(picture, options, result)
    source = picture.name.rsplit('.', 1)[1]
    limit = (
        6
        + LOSSY.get(result, 0)
        + SOURCE_LOSSY.get(source, 0)
        + (30 if options == 'bl:1' or picture.model == 'cmyk' else 0)
    )
    off = difference(found, expected, result)
    return ('' if off <= limit else 'colours %s, wanted %s' % (found, expected)), answer.body


def write_sheet(path, bodies):
    tiles = []
    for body in bodies:
        image = pyvips.Image.new_from_buffer(body, '')
        image = image.colourspace('srgb')
        image = image.flatten(background=[120, 120, 120]) if image.hasalpha() else image
        tiles.append(image.cast('uchar').gravity('centre', 40, 40, extend='background', background=[60, 60, 60]))
    pyvips.Image.arrayjoin(tiles, across=32).write_to_file(path)


def main(options):
    checks, bodies = common.Checks(), []
    asked = requests(options)
    mark = pyvips.Image.black(8, 8, bands=3).copy(interpretation='srgb').write_to_buffer('.png')
    with tempfile.TemporaryDirectory() as folder:
        for picture in {id(p): p for p, _, _ in asked}.values():
            with open(os.path.join(folder, picture.name), 'wb') as file:
                file.write(picture.data)
        server = common.Imgring(
            folder,
            IMGPROXY_LOCAL_FILESYSTEM_ROOT=folder,
            IMGPROXY_DEVELOPMENT_ERRORS_MODE='true',
            IMGPROXY_WATERMARK_DATA=base64.b64encode(mark).decode(),
        )
        with server, concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            jobs = [pool.submit(ask, server, number, *one) for number, one in enumerate(asked)]
            for job, (picture, option, result) in zip(jobs, asked):
                problem, body = job.result()
                if problem:
                    checks.that('%s %s %s' % (picture.name, option, result), False, problem)
                else:
                    checks.passed += 1
                if body and options.sheet:
                    bodies.append(body)
            checks.that('the server lives', server.running())
    if options.sheet:
        write_sheet(options.sheet, bodies)
    return checks.end()


def parsed(arguments=None):
    parser = argparse.ArgumentParser(description='Asks imgring for honest pictures of every kind.')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--count', type=int, default=0, help='so many requests')
    parser.add_argument('--only', default='', help='a pattern of names')
    parser.add_argument('--sheet', help='a PNG to write')
    return parser.parse_args(arguments)


if __name__ == '__main__':
    sys.exit(main(parsed()))
