#!/usr/bin/env python3
"""Draws what a run of tools/bench measured as bars, SVG: CPU of a request, and requests a second.

    ./tools/bench --rounds 5 --no-memory --other ... --json .cache/bench.json
    python3 tools/measure/cpu_picture.py [--no-rates] .cache/bench.json docs/cpu ['What stands under it']

A group of bars for each recipe, one for each server, in the order of the run. It writes docs/cpu.svg, and
docs/cpu.json with the figures that are drawn, from which it draws the same again. --no-rates leaves out requests a second: on a machine where others
work they say who gave way. Text in, text out.
"""

import json
import sys

from memory_picture import COLOURS, FAINT, GRID, INK, Drawing, nice_step

WIDTH, LEFT, RIGHT, TOP = 960, 250, 70, 78
BAR, BETWEEN, PANEL_GAP = 17, 16, 56
TITLES = {
    'jpeg500': 'photos of 0.5 to 12 MP to 500 px JPEG',
    'thumb100': '0.5 MP JPEG to 100 px',
    'webp500': 'photos to 500 px WebP',
    'png400': 'PNG with alpha to 400 px PNG',
}
PANELS = (
    ('cpu_ms', 'CPU milliseconds of a request, whole process with its children: less is better'),
    ('per_s', 'requests a second on this machine: more is better'),
)


def panel(drawing, top, title, recipes, key):
    """One panel; returns where it ends. A server without a figure has no bar and a dash."""
    values = [row[key] for rows in recipes.values() for row in rows.values() if row.get(key) is not None]
    most = max(values) * 1.02
    step = nice_step(most, 6)
    across = (WIDTH - LEFT - RIGHT) / most
    height = sum(BAR * len(rows) + BETWEEN for rows in recipes.values())
    drawing.text(24, top - 14, title, 13, INK, more=' font-weight="bold"')
    at = 0.0
    while at <= most:
        drawing.line(LEFT + at * across, top, LEFT + at * across, top + height, GRID)
        drawing.text(LEFT + at * across, top + height + 16, '%g' % at, 12, FAINT, 'middle')
        at += step
    y = top + BETWEEN / 2
    for recipe, rows in recipes.items():
        drawing.text(LEFT - 10, y + BAR * len(rows) / 2 + 4, TITLES.get(recipe, recipe), 12, INK, 'end')
        for number, row in enumerate(rows.values()):
            value = row.get(key)
            width = (value or 0) * across
            drawing.box(LEFT, y + 1.5, width, BAR - 3, COLOURS[number % len(COLOURS)])
            said = '-' if value is None else '%.1f' % value if value < 1000 else '%.0f' % value
            drawing.text(LEFT + width + 6, y + BAR - 4.5, said, 12, INK)
            y += BAR
        y += BETWEEN
    return top + height


def svg_of(recipes, note=''):
    """recipes: {name: {server: {'cpu_ms': …, 'per_s': …}}}, as tools/bench --json writes them."""
    drawing = Drawing()
    drawing.text(24, 28, 'What pictures cost', 17, INK, more=' font-weight="bold"')
    x = 24 + 210
    for number, name in enumerate(next(iter(recipes.values()))):
        drawing.box(x, 17, 14, 14, COLOURS[number % len(COLOURS)])
        drawing.text(x + 20, 28, name, 13)
        x += 48 + 7.4 * len(name)
    end = TOP
    for key, title in PANELS:
        if not any(row.get(key) is not None for rows in recipes.values() for row in rows.values()):
            continue
        end = panel(drawing, end, title, recipes, key) + PANEL_GAP
    if note:
        drawing.text(24, end - 10, note, 12, FAINT)
        end += 10
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" '
        'font-family="DejaVu Sans, Helvetica, Arial, sans-serif">\n<rect width="100%%" height="100%%" fill="#fff"/>\n'
        '%s\n</svg>\n' % (WIDTH, end, WIDTH, end, '\n'.join(drawing.parts))
    )


def drawn(run, note=None, rates=True):
    """Of a run's JSON what the picture shows: the figures of the panels, and what stands under it."""
    keys = [key for key, _ in PANELS if rates or key != 'per_s']
    recipes = {
        recipe: {name: {key: row[key] for key in keys if row.get(key) is not None} for name, row in rows.items()}
        for recipe, rows in run['recipes'].items()
    }
    return {'note': run.get('note', '') if note is None else note, 'recipes': recipes}


def main():
    rates = '--no-rates' not in sys.argv
    words = [word for word in sys.argv[1:] if word != '--no-rates']
    if len(words) not in (2, 3):
        sys.exit(__doc__)
    with open(words[0]) as file:
        run = drawn(json.load(file), words[2] if len(words) == 3 else None, rates)
    with open(words[1] + '.svg', 'w') as file:
        file.write(svg_of(run['recipes'], run['note']))
    with open(words[1] + '.json', 'w') as file:
        json.dump(run, file, indent=1)
        file.write('\n')


if __name__ == '__main__':
    main()
