"""Draws what tools/overload measured as SVG: good answers per CPU second, good answers a second and
/health p99 over the load, a line for each build; the closed loops stand at the right. A value in,
text out.
"""

import math

from memory_picture import COLOURS, FAINT, GRID, INK, LEFT, PANEL, RIGHT, WIDTH, Drawing, nice_step

GAP, TOP = 52, 96
CLOSED_SHARE = 0.27  # of the width, for the closed loops
HEALTH_MS = (0.1, 10000)  # what the third panel shows, in powers of ten
PANELS = (
    ('good answers per CPU second that the client did not use', 'per_cpu_s'),
    ('good answers a second', 'good'),
    ('/health p99 on new connections, ms', 'health_p99'),
)
BARS = {'per_cpu_s': ((0.9, '90 % of the best'), (0.8, '80 %')), 'health_p99': ((20, '20 ms'),)}


class Across:
    """Where a step stands: loads by their logarithm, closed loops side by side."""

    def __init__(self, names):
        self.loads = [name for name in names if name.endswith('capacity')]
        self.closed = [name for name in names if not name.endswith('capacity')]
        values = [self.load(name) for name in self.loads]
        self.least, self.most = min(values), max(max(values), min(values) * 2)
        self.open_width = (WIDTH - LEFT - RIGHT) * (1 - CLOSED_SHARE)

    @staticmethod
    def load(name):
        return float(name.split()[0])

    def x(self, name):
        if name in self.closed:
            width = (WIDTH - LEFT - RIGHT) * CLOSED_SHARE
            return LEFT + self.open_width + width * (self.closed.index(name) + 0.5) / len(self.closed)
        part = math.log(self.load(name) / self.least) / math.log(self.most / self.least)
        return LEFT + 14 + (self.open_width - 34) * part


class Up:
    """The y axis of a panel: from nothing to a round number, or powers of ten."""

    def __init__(self, top, key, values):
        self.top, self.logarithmic = top, key == 'health_p99'
        if self.logarithmic:
            self.ticks = [
                10.0**power for power in range(*(round(math.log10(ms)) + i for i, ms in enumerate(HEALTH_MS)))
            ]
        else:
            step = nice_step(max(values) * 1.05, 5)
            self.ticks = [step * i for i in range(math.ceil(max(values) * 1.05 / step) + 1)]

    def y(self, value):
        if self.logarithmic:
            low, high = (math.log10(ms) for ms in HEALTH_MS)
            value = min(max(value, HEALTH_MS[0]), HEALTH_MS[1])
            return self.top + PANEL * (1 - (math.log10(value) - low) / (high - low))
        return self.top + PANEL * (1 - value / self.ticks[-1])


def panel(drawing, top, title, key, builds, across):
    values = [row[key] for rows in builds.values() for row in rows.values()]
    up = Up(top, key, values)
    border = LEFT + across.open_width
    drawing.line(border, top, border, top + PANEL, FAINT, 0.8)
    drawing.text(LEFT, top - 9, title, 13, INK, more=' font-weight="bold"')
    for tick in up.ticks:
        drawing.line(LEFT, up.y(tick), WIDTH - RIGHT, up.y(tick), INK if tick == up.ticks[0] else GRID)
        drawing.text(LEFT - 8, up.y(tick) + 4, '%g' % tick, 12, FAINT, 'end')
    judged = list(builds.values())[-1]
    best = max(row[key] for row in judged.values())
    for value, words in BARS.get(key, ()):
        y = up.y(value * best if key == 'per_cpu_s' else value)
        drawing.line(LEFT, y, WIDTH - RIGHT, y, FAINT, 0.8)
        drawing.text(WIDTH - RIGHT, y - 3, words, 10, FAINT, 'end')
    for number, rows in enumerate(builds.values()):
        colour = COLOURS[number % len(COLOURS)]
        points = {name: (across.x(name), up.y(row[key])) for name, row in rows.items()}
        drawing.polyline([points[name] for name in across.loads], colour)
        for x, y in points.values():
            drawing.box(x - 3.5, y - 3.5, 7, 7, colour)


def axis(drawing, y, across):
    for name in across.loads:
        drawing.line(across.x(name), y, across.x(name), y + 5, FAINT)
        drawing.text(across.x(name), y + 18, '%g x' % across.load(name), 12, FAINT, 'middle')
    for name in across.closed:
        drawing.line(across.x(name), y, across.x(name), y + 5, FAINT)
        drawing.text(across.x(name), y + 18, name.split()[0], 12, FAINT, 'middle')
    drawing.text(LEFT, y + 36, 'open loop, times the capacity', 12, FAINT)
    drawing.text(WIDTH - RIGHT, y + 36, 'closed loop, connections', 12, FAINT, 'end')


def svg_of(builds, capacity):
    """builds: {name: {step: figures}}, the judged one last; steps are '2 x capacity' or '300 connections'."""
    drawing = Drawing()
    names = list(next(iter(builds.values())))
    across = Across(names)
    drawing.text(LEFT, 26, 'Overload', 17, INK, more=' font-weight="bold"')
    drawing.text(LEFT + 92, 26, 'capacity %.0f good answers a second with 8 connections' % capacity, 13, FAINT)
    x = LEFT
    for number, name in enumerate(builds):
        drawing.line(x, 48, x + 22, 48, COLOURS[number % len(COLOURS)], 3)
        drawing.text(x + 28, 52, name, 13)
        x += 52 + 7.2 * len(name)
    top = TOP
    for title, key in PANELS:
        panel(drawing, top, title, key, builds, across)
        top += PANEL + GAP
    axis(drawing, top - GAP, across)
    height = top + 4
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" '
        'font-family="DejaVu Sans, Helvetica, Arial, sans-serif">\n<rect width="100%%" height="100%%" fill="#fff"/>\n'
        '%s\n</svg>\n' % (WIDTH, height, WIDTH, height, '\n'.join(drawing.parts))
    )
