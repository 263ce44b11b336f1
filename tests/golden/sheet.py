"""Contact sheets: pictures with their names on pages of PNG, over grey checks where they are transparent.
./tools/pictures/contact-sheet calls it for all golden pictures, ./tests/golden/renew for those that changed."""

import argparse
import io
import os
import subprocess
import sys
import tempfile

import numpy as np
import pyvips
from PIL import Image, ImageDraw, ImageFont

import golden_test
import harness

CELL_W, CELL_H, TEXT_H, COLUMNS, ROWS = 150, 130, 36, 8, 7
FRAMES_MAX = 3
BACK, INK = (250, 250, 250), (20, 20, 20)


def pictures_of(body):
    """The frames of an encoded picture, at most FRAMES_MAX, in sRGB as RGBA."""
    kind = harness.magic(body)
    if kind in ('bmp', 'ico'):
        return [Image.open(io.BytesIO(body)).convert('RGBA')]
    many = kind in ('gif', 'webp')
    image = pyvips.Image.new_from_buffer(body, 'n=-1' if many else '')
    if image.get_typeof('icc-profile-data') and kind != 'svg':
        try:
            image = image.icc_transform('srgb', embedded=True)
        except pyvips.Error:
            pass
    height = image.get('page-height') if 'page-height' in image.get_fields() else image.height
    frames = [image.crop(0, y, image.width, height) for y in range(0, image.height, height)]
    return [Image.fromarray(harness.to_rgba8(frame), 'RGBA') for frame in frames[:FRAMES_MAX]]


def over_checks(picture):
    w, h = picture.size
    y, x = np.mgrid[0:h, 0:w]
    grey = np.where((x // 6 + y // 6) % 2 == 0, 200, 160).astype(np.uint8)
    back = Image.fromarray(np.dstack([grey] * 3)).convert('RGBA')
    back.alpha_composite(picture)
    return back.convert('RGB')


def strip(pictures):
    """Frames beside each other, shrunk to a cell's width when they are too many for it."""
    width = sum(p.width for p in pictures) + 2 * (len(pictures) - 1)
    out = Image.new('RGB', (width, max(p.height for p in pictures)), BACK)
    x = 0
    for picture in pictures:
        out.paste(over_checks(picture), (x, 0))
        x += picture.width + 2
    out.thumbnail((CELL_W - 6, CELL_H - TEXT_H - 4))
    return out


def draw_cells(cells, path, columns=COLUMNS):
    """Cells are (picture, lines of text); one page."""
    rows = -(-len(cells) // columns)
    page = Image.new('RGB', (columns * CELL_W, rows * CELL_H), BACK)
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(size=10)
    for i, (picture, lines) in enumerate(cells):
        left, top = i % columns * CELL_W, i // columns * CELL_H
        page.paste(picture, (left + 3, top + 2))
        for n, line in enumerate(lines[:3]):
            draw.text((left + 3, top + CELL_H - TEXT_H + 11 * n), line[:30], INK, font=font)
    page.save(path)


def draw_contact_sheet(cases, prefix):
    """Pages of all cases; the names of the files written."""
    per_page = COLUMNS * ROWS
    paths = []
    for start in range(0, len(cases), per_page):
        cells = []
        for case in cases[start : start + per_page]:
            with open(case.file, 'rb') as file:
                frames = pictures_of(file.read())
            cells.append((strip(frames), (case.name, case.options, case.source + ' > ' + case.format)))
        paths.append('%s-%d.png' % (prefix, start // per_page + 1))
        draw_cells(cells, paths[-1])
    return paths


def draw_changes(cases, answers, path):
    """Three cells a row: old, new, eight times the difference."""
    cells = []
    for case in cases:
        new = strip(pictures_of(answers[case.name][0]))
        try:
            with open(case.file, 'rb') as file:
                old = strip(pictures_of(file.read()))
        except OSError:
            old = Image.new('RGB', new.size, BACK)
        if old.size == new.size:
            apart = abs(np.asarray(old).astype(int) - np.asarray(new).astype(int)) * 8
            apart = Image.fromarray(np.clip(apart, 0, 255).astype(np.uint8))
        else:
            apart = Image.new('RGB', new.size, BACK)
        cells += [(old, (case.name, 'old')), (new, ('', 'new')), (apart, ('', 'difference'))]
    draw_cells(cells, path, columns=3)


def main():
    parser = argparse.ArgumentParser(description='Draws all golden pictures.')
    parser.add_argument('prefix', nargs='?', default='/tmp/golden')
    parser.add_argument('--now', action='store_true', help='what the server answers now')
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cases = golden_test.read_cases()
        if options.now:
            subprocess.run([sys.executable, golden_test.__file__, '--results', folder], check=False)
            for case in cases:
                case.file = os.path.join(folder, os.path.basename(case.file))
        there = [case for case in cases if os.path.exists(case.file)]
        print('\n'.join(draw_contact_sheet(there, options.prefix)))
    missing = len(cases) - len(there)
    if missing:
        print('%d rows have no picture' % missing)
    return int(missing != 0)


if __name__ == '__main__':
    sys.exit(main())
