#!/usr/bin/env python3
"""Asks imgring for files that say strange things and are honest, and looks at what comes.

    .cache/venv/bin/python tests/strange/run_strange.py [--only TEXT] [--every N] [--keep FOLDER]

Every picture must come with the colours that were drawn; every SVG must be blue, drawn or served,
with nothing active left in it. The last line is `N passed, M failed`.
"""

import argparse
import base64
import concurrent.futures
import io
import os
import re
import sys
import tempfile
import urllib.parse

import numpy as np
import pyvips
from PIL import Image

import strange_pictures
import strange_svgs

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[1:1] = [os.path.join(HERE, '../real'), os.path.join(HERE, '../hostile')]
import common  # noqa: E402
import run_hostile  # noqa: E402
import run_matrix  # noqa: E402

BLUE = (20, 40, 220)
ASKED = [
    ('w:0', 'png'),
    ('w:0', 'jpg'),
    ('bg:255:0:255', 'png'),
    ('w:0', 'webp'),
    ('scp:0', 'png'),
    ('t:10', 'png'),
    ('rot:90', 'tiff'),
    ('w:0', None),
]
CLIENTS = 3


def differs(found, expected, limit):
    """Whether colours are further apart than that; clear ones are alike."""
    return any(max(abs(x - y) for x, y in zip(a, b)) > limit for a, b in zip(found, expected) if a[3] or b[3])


def picture_problem(server, picture, options, result):
    answer = server.image(options, 'local:///' + picture.name, 30, '.' + result if result else '')
    if answer.status != 200:
        return 'status %r' % answer
    kind = result or {b'\xff\xd8': 'jpg', b'GI': 'gif', b'RI': 'webp'}.get(answer.body[:2], 'png')
    image = pyvips.Image.new_from_buffer(answer.body, '')
    size = picture.size[::-1] if options == 'rot:90' else picture.size
    if options != 't:10' and (image.width, image.height) != size:
        return 'size %d x %d, wanted %s' % (image.width, image.height, size)
    # A background is laid under in the picture's own colours; a kept profile says what they are.
    if options == 't:10' or image.width < 6 or picture.wanted and (options.startswith('bg') or options == 'scp:0'):
        return ''
    found, expected = run_matrix.seen(answer.body), run_matrix.wanted(picture, options, kind)
    source = picture.name.rsplit('.', 1)[1]
    limit = (
        5
        + picture.slack
        + run_matrix.LOSSY.get(kind, 0)
        + run_matrix.SOURCE_LOSSY.get(source, 0)
        + (30 if picture.model == 'cmyk' else 0)
    )
    return 'colours %s, wanted %s' % (found, expected) if differs(found, expected, limit) else ''


def blue_problem(body):
    image = pyvips.Image.svgload_buffer(body) if body.lstrip()[:1] == b'<' else pyvips.Image.new_from_buffer(body, '')
    image = image.colourspace('srgb')
    pixel = image(image.width // 2, image.height // 2)
    if any(abs(a - b) > 12 for a, b in zip(pixel, BLUE)) or (len(pixel) > 3 and pixel[3] < 250):
        return 'colour %s' % pixel
    return ''


def served_problem(case, body):
    text = body.decode('utf-8', 'replace')
    active = run_hostile.active_content(body)
    if active:
        return active
    for word in case.has:
        if word not in text:
            return '%r is lost: %s' % (word, text[:200])
    for word in case.lacks:
        if word in text or word in inner_text(text):
            return '%r is there: %s' % (word, text[:300])
    if not case.drawn or case.name.startswith('svg-inner') or case.name.startswith('svg-broken'):
        return ''
    return blue_problem(body)


def inner_text(text):
    """What links hold, level by level."""
    out = ''
    for head, data in re.findall(r'data:image/svg([^,"]*),([^"]*)', text):
        try:
            inner = urllib.parse.unquote(data)
            if 'base64' in head:
                inner = base64.b64decode(inner.rstrip('=') + '==').decode('utf-8', 'replace')
        except ValueError:
            continue
        out += inner + inner_text(inner)
    return out


def svg_problem(server, case, options, result):
    if result == 'svg' and not case.served or result != 'svg' and not case.drawn:
        return ''
    answer = server.image(options, 'local:///' + case.name, 30, '' if result == 'svg' else '.' + result)
    if answer.status != 200:
        return 'status %r' % answer
    if result == 'svg':
        return served_problem(case, answer.body)
    return blue_problem(answer.body)


def inner_files():
    """Blue pictures of each kind that a rasteriser reads."""
    blue = Image.new('RGB', (6, 4), BLUE)

    def saved(name, image=blue, **options):
        out = io.BytesIO()
        image.save(out, name, **options)
        return out.getvalue()

    vips = pyvips.Image.new_from_array(np.full((4, 6, 3), BLUE, np.uint8)).copy(interpretation='srgb')
    clear = Image.new('RGBA', (6, 4), (*BLUE, 255))
    yield 'png', 'image/png', saved('PNG')
    yield 'png-alpha', 'image/png', saved('PNG', clear)
    yield 'png-palette', 'image/png', saved('PNG', blue.quantize(2))
    yield 'jpeg', 'image/jpeg', saved('JPEG', quality=95)
    yield 'jpeg-progressive', 'image/jpeg', saved('JPEG', quality=95, progressive=True)
    yield 'gif', 'image/gif', saved('GIF')
    yield 'webp', 'image/webp', saved('WEBP', lossless=True)
    yield 'webp-lossy', 'image/webp', saved('WEBP', quality=95)
    yield 'bmp', 'image/bmp', saved('BMP')
    yield 'bmp-32', 'image/bmp', strange_svgs.bmp()
    yield 'tiff', 'image/tiff', saved('TIFF')
    yield 'tiff-lzw', 'image/tiff', vips.write_to_buffer('.tif[compression=lzw]')
    yield 'tiff-jpeg', 'image/tiff', vips.write_to_buffer('.tif[compression=jpeg,Q=95]')
    yield 'ico', 'image/x-icon', saved('ICO', blue.resize((16, 16)))
    yield 'ico-bitmap', 'image/x-icon', saved('ICO', blue.resize((16, 16)), bitmap_format='bmp')


def main(options):
    checks = common.Checks()
    pictures = [p for p in strange_pictures.all_pictures() if re.search(options.only, p.name)][:: options.every]
    svgs = [s for s in strange_svgs.all_svgs(list(inner_files())) if re.search(options.only, s.name)][:: options.every]
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or temporary
        os.makedirs(folder, exist_ok=True)
        for one in pictures + svgs:
            with open(os.path.join(folder, one.name), 'wb') as file:
                file.write(one.data)
        server = common.Imgring(
            temporary,
            IMGPROXY_LOCAL_FILESYSTEM_ROOT=folder,
            IMGPROXY_DEVELOPMENT_ERRORS_MODE='true',
            IMGPROXY_WORKERS='2',
        )
        with server, concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            jobs = []
            for at, picture in enumerate(pictures):
                for asked in ASKED[:3] + [ASKED[3 + at % (len(ASKED) - 3)]]:
                    jobs.append((picture, asked, pool.submit(picture_problem, server, picture, *asked)))
            for at, case in enumerate(svgs):
                for asked in (('w:0', 'png'), ('w:0', 'svg'), ('w:120', 'webp'), ('w:30', 'jpg')):
                    jobs.append((case, asked, pool.submit(svg_problem, server, case, *asked)))
            for case, asked, job in jobs:
                try:
                    problem = job.result()
                except (pyvips.Error, OSError, ValueError) as error:
                    problem = 'no picture: %s' % error
                if problem:
                    checks.that('%s %s %s' % (case.name, asked[0], asked[1]), False, problem)
                else:
                    checks.passed += 1
            checks.that('the server lives', server.running())
    return checks.end()


def parsed(arguments=None):
    parser = argparse.ArgumentParser(description='Asks imgring for strange but honest files.')
    parser.add_argument('--only', default='', help='a pattern of names')
    parser.add_argument('--every', type=int, default=1, help='one in so many')
    parser.add_argument('--keep', help='a folder for the files')
    return parser.parse_args(arguments)


if __name__ == '__main__':
    sys.exit(main(parsed()))
