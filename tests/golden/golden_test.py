#!/usr/bin/env python3
"""Golden pictures: every row of cases.tsv is asked of the server and compared with expected/.

    .cache/venv/bin/python tests/golden/golden_test.py [--only NAME]... [--results FOLDER]
    ./tests/golden/renew [NAME]...          takes today's answers, after showing old, new and difference

An expected file is an answer of the server as it was looked at. Size, frames, bands, depth, format and
metadata must be the same; pixels must be alike: the signs of a small difference hash, and the mean colours
of 4x4 blocks. Bytes are never compared, so another encoder's release passes and a moved pixel does not.
The server is build/imgring or SERVER_CMD. The last line is `N passed, M failed`.
"""

import argparse
import base64
import concurrent.futures
import glob
import os
import sys
import tempfile

import numpy as np
import pyvips

HERE = os.path.dirname(os.path.abspath(__file__))
import pictures  # noqa: E402  (finds the conformance kit)
import harness  # noqa: E402

sys.path.insert(0, os.path.join(pictures.ROOT, 'tests/real'))
from common import free_port  # noqa: E402

EXPECTED = os.path.join(HERE, 'expected')
# Of 255, for the worst 4x4 block. Lossy encoders differ between releases, more so at low qualities.
BLOCK_DIFFERENCE_MAX = {'lossless': 8.0, 'lossy': 24.0}
MEAN_DIFFERENCE_MAX = {'lossless': 1.0, 'lossy': 3.0}
FRAME_DIFFERENCE_MAX = 4.0
# Expected files were made with this libvips; others come with other encoders and another librsvg.
EXPECTED_VIPS = (8, 14)
OTHER_VIPS_FACTOR = 1.5
# Rows that later libraries make visibly different: block and mean, of 255. Looked at beside each other.
OTHER_VIPS_LIMITS = {
    'profile-grey': (45, 20),  # 8.14 leaves the profile's gamma of 1.8 out, later ones do not
    'cmyk-tiff': (36, 3),  # colours out of sRGB's range
    'from-tiff-inks-alpha': (36, 6),  # the same: its dark blue has 48 of red, 26 with 8.14
    'from-bmp-4': (20, 2),  # the quantiser of palette PNGs, as in the next two
    'from-bmp-1': (20, 2),
    'from-bmp-rle4': (32, 2),
}
# Of 64 signs of the hash; a sign counts where neighbours differ by more than this.
HASH_DISTANCE_MAX = 2
HASH_STEP_MIN = 4.0
LOSSLESS = {'png', 'bmp', 'ico', 'tiff'}
# Facts that say how well an encoder packs, or how its release counts.
LOOSE_FACTS = {'size', 'means'}
# Rows whose profile is one of libvips' own, which other releases have in other bytes.
OWN_PROFILES = {'color-profile-srgb'}
# Rows whose quality is found by trying: other releases of encoders end at another.
FOUND_QUALITIES = {'autoquality-size', 'autoquality-dssim'}
EXPECTED_BYTES_MAX = 1_500_000  # of all expected files, so that clones stay quick
WORKERS = 2

# What rows of the list name in their column `settings`; several are joined by +.
SETTINGS = {
    '-': {},
    'security': {'IMGPROXY_ALLOW_SECURITY_OPTIONS': 'true'},
    'watermark': {'IMGPROXY_WATERMARK_PATH': '{dir}/wm.png'},
    'watermark-svg': {'IMGPROXY_WATERMARK_DATA': '{base64:wm.svg}'},
    'watermark-opaque': {'IMGPROXY_WATERMARK_URL': 'local:///wm-opaque.jpg'},
    'linear': {'IMGPROXY_USE_LINEAR_COLORSPACE': 'true'},
    'progressive': {'IMGPROXY_JPEG_PROGRESSIVE': 'true', 'IMGPROXY_PNG_INTERLACED': 'true'},
    'quantized': {'IMGPROXY_PNG_QUANTIZE': 'true', 'IMGPROXY_PNG_QUANTIZATION_COLORS': '16'},
    'profiles': {'IMGPROXY_COLOR_PROFILES_DIR': '{dir}'},
    'presets': {'IMGPROXY_PRESETS': 'thumb=rs:fill:40:40/bl:1'},
    'accept-webp': {'IMGPROXY_AUTO_WEBP': 'true'},
    'accept-avif': {'IMGPROXY_AUTO_AVIF': 'true'},
    'accept-jxl': {'IMGPROXY_AUTO_JXL': 'true'},
}
ACCEPT = {'accept-webp': 'image/webp', 'accept-avif': 'image/avif,image/webp', 'accept-jxl': 'image/jxl'}


class Case:
    def __init__(self, line):
        self.name, self.source, self.options, self.format, self.settings, self.seen = line.split('\t')
        self.file = os.path.join(EXPECTED, '%s.%s' % (self.name, self.format))

    def ask(self, port):
        """(bytes, what went wrong)"""
        headers = {'Accept': ACCEPT[self.settings]} if self.settings in ACCEPT else {}
        path = '/unsafe/%s/plain/local:///%s' % (self.options, self.source)
        try:
            reply = harness.request(port, 'GET', path, headers)
        except OSError as error:
            return b'', 'no connection: %s' % error
        if reply.status != 200:
            return b'', 'status %d: %s' % (reply.status, reply.body[:100].decode('utf-8', 'replace'))
        return reply.body, ''


def read_cases(only=()):
    with open(os.path.join(HERE, 'cases.tsv'), encoding='utf-8') as file:
        cases = [Case(line.rstrip('\n')) for line in file if line.strip() and not line.startswith('#')]
    names = {case.name for case in cases}
    if len(names) != len(cases):
        sys.exit('two rows of cases.tsv have one name')
    unknown = set(only) - names
    if unknown:
        sys.exit('no such row in cases.tsv: ' + ', '.join(sorted(unknown)))
    return [case for case in cases if not only or case.name in only]


# ---------------------------------------------------------------- asking


def environment(settings, folder):
    out = {'IMGPROXY_LOCAL_FILESYSTEM_ROOT': folder, 'IMGPROXY_LOG_LEVEL': 'error'}
    for name in settings.split('+'):
        for variable, value in SETTINGS[name].items():
            if value.startswith('{base64:'):
                with open(os.path.join(folder, value[8:-1]), 'rb') as file:
                    value = base64.b64encode(file.read()).decode()
            out[variable] = value.replace('{dir}', folder)
    return out


def ask_all(cases, folder):
    """Name to (bytes, what went wrong), one server for each of the settings."""
    command = os.environ.get('SERVER_CMD', os.path.join(pictures.ROOT, 'build/imgring'))
    answers = {}
    for settings in sorted({case.settings for case in cases}):
        server = harness.Server(command, environment(settings, folder), free_port())
        try:
            if not server.wait_ready():
                server.log.seek(0)
                sys.exit('the server does not start with %s:\n%s' % (settings, server.log.read().decode()))
            part = [case for case in cases if case.settings == settings]
            with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
                for case, answer in zip(part, pool.map(lambda c: c.ask(server.port), part)):
                    answers[case.name] = answer
        finally:
            if not server.alive():
                server.log.seek(0)
                print(server.log.read().decode('utf-8', 'replace')[-2000:])
            server.stop()
    return answers


# ---------------------------------------------------------------- comparing


def block_means(pixels, side=4):
    h, w = pixels.shape[:2]
    ys, xs = np.arange(0, h, side), np.arange(0, w, side)
    sums = np.add.reduceat(np.add.reduceat(pixels.astype(np.float64), ys, axis=0), xs, axis=1)
    counts = np.outer(np.diff(np.append(ys, h)), np.diff(np.append(xs, w)))
    return sums / counts[:, :, None]


def hash_steps(pixels):
    """Differences of neighbours in a 9x8 copy, over white."""
    p = pixels.astype(np.float64)
    light = p[:, :, :3] @ [0.299, 0.587, 0.114] + 255 - p[:, :, 3]
    h, w = light.shape
    ys, xs = [np.linspace(0, n, m + 1).astype(int) for n, m in ((h, 8), (w, 9))]
    cells = [
        [light[ys[j] : max(ys[j + 1], ys[j] + 1), xs[i] : max(xs[i + 1], xs[i] + 1)].mean() for i in range(9)]
        for j in range(8)
    ]
    return np.diff(np.array(cells), axis=1)


def hash_distance(a, b):
    left, right = hash_steps(a), hash_steps(b)
    clear = np.maximum(abs(left), abs(right)) > HASH_STEP_MIN
    return int(np.count_nonzero(clear & (np.sign(left) * np.sign(right) < 0)))


def slack():
    return 1 if (pyvips.version(0), pyvips.version(1)) == EXPECTED_VIPS else OTHER_VIPS_FACTOR


def limits(name, kind):
    """The most that a block and that a band's mean may differ."""
    if slack() == 1:
        return BLOCK_DIFFERENCE_MAX[kind], MEAN_DIFFERENCE_MAX[kind]
    return OTHER_VIPS_LIMITS.get(
        name, (BLOCK_DIFFERENCE_MAX[kind] * OTHER_VIPS_FACTOR, MEAN_DIFFERENCE_MAX[kind] * OTHER_VIPS_FACTOR)
    )


def pixel_faults(old, new, kind, name=''):
    if old.shape != new.shape:
        return ['shape %s, expected %s' % (new.shape, old.shape)]
    faults = []
    block = abs(block_means(old) - block_means(new)).max()
    mean = abs((old.astype(float) - new.astype(float)).mean(axis=(0, 1))).max()
    distance = hash_distance(old, new)
    block_max, mean_max = limits(name, kind)
    if block > block_max:
        faults.append('a block differs by %.1f' % block)
    if mean > mean_max:
        faults.append('the mean of a band differs by %.2f' % mean)
    if distance > HASH_DISTANCE_MAX:
        faults.append('hash distance %d' % distance)
    return faults


def faults_of(case, old, new):
    """What is wrong with an answer, as lines; empty when it is like the expected one."""
    if harness.magic(new) != case.format:
        return ['format %r, expected %r' % (harness.magic(new), case.format)]
    if case.format == 'svg':
        same = harness.canon_svg(old) == harness.canon_svg(new)
        return [] if same else ['another SVG:\n' + new.decode('utf-8', 'replace')]
    old_facts, old_pixels, old_means = harness.decode(old, case.format)
    new_facts, new_pixels, new_means = harness.decode(new, case.format)
    if case.name in OWN_PROFILES and slack() != 1 and old_facts.get('icc') and new_facts.get('icc'):
        new_facts['icc'] = old_facts['icc']
    if case.name in FOUND_QUALITIES and slack() != 1:
        new_facts['qtables'] = old_facts.get('qtables')
    faults = [
        '%s is %r, expected %r' % (key, new_facts.get(key), old_facts.get(key))
        for key in sorted((old_facts.keys() | new_facts.keys()) - LOOSE_FACTS)
        if old_facts.get(key) != new_facts.get(key)
    ]
    kind = 'lossless' if case.format in LOSSLESS else 'lossy'
    faults += pixel_faults(old_pixels, new_pixels, kind, case.name)
    if old_means and new_means and len(old_means) == len(new_means):
        worst = abs(np.array(old_means) - np.array(new_means)).max()
        if worst > FRAME_DIFFERENCE_MAX * slack():
            faults.append('a quarter of a frame differs by %.1f' % worst)
    return faults


def judge(case, answer):
    body, wrong = answer
    if wrong:
        return [wrong]
    if not os.path.exists(case.file):
        return ['no expected file: look at the answer, then ./tests/golden/renew ' + case.name]
    with open(case.file, 'rb') as file:
        return faults_of(case, file.read(), body)


# ---------------------------------------------------------------- the list and the folder


def list_faults(cases):
    """Expected files without a row, and too many bytes."""
    known = {case.file for case in cases}
    files = glob.glob(os.path.join(EXPECTED, '*'))
    faults = ['%s has no row in cases.tsv' % os.path.basename(f) for f in files if f not in known]
    size = sum(map(os.path.getsize, files))
    if size > EXPECTED_BYTES_MAX:
        faults.append('expected files have %d bytes, at most %d are wanted' % (size, EXPECTED_BYTES_MAX))
    return faults


def comparison_catches_faults():
    """The comparison must see what it is for: a shift, a seam, another colour, lost alpha."""
    good = np.dstack([pictures.landscape(64, 48), np.full((48, 64), 255, np.uint8)])
    seam, pale, clear = good.copy(), good.copy(), good.copy()
    seam[20:21] = 0
    pale[:, :, 0] = np.clip(pale[:, :, 0].astype(int) + 12, 0, 255)
    clear[:, 60:] = 0
    bad = {
        'a row': seam,
        'a cast': pale,
        'an edge': clear,
        'a shift': np.roll(good, 2, axis=1),
        'a mirror': good[:, ::-1],
    }
    faults = [
        '%s goes unseen (%s)' % (what, kind)
        for what, pixels in bad.items()
        for kind in BLOCK_DIFFERENCE_MAX
        if not pixel_faults(good, pixels, kind)
    ]
    return faults + (['a picture differs from itself'] if pixel_faults(good, good, 'lossless') else [])


def store(folder, cases, answers):
    os.makedirs(folder, exist_ok=True)
    for case in cases:
        if not answers[case.name][1]:
            with open(os.path.join(folder, os.path.basename(case.file)), 'wb') as file:
                file.write(answers[case.name][0])


def show_changes(cases, answers, page):
    """Prints what changed, draws old, new and difference; the cases to write."""
    import sheet

    changed = []
    for case in cases:
        faults = judge(case, answers[case.name])
        if answers[case.name][1]:
            print('FAILED %s: %s' % (case.name, faults[0]))
            continue
        if faults:
            print('%s: %s' % (case.name, '; '.join(faults)))
            changed.append(case)
    if changed:
        sheet.draw_changes(changed, answers, page)
        print('old, new and eight times their difference: ' + page)
    return changed


def main():
    parser = argparse.ArgumentParser(description='Compares answers with the golden pictures.')
    parser.add_argument('--only', action='append', default=[], metavar='NAME')
    parser.add_argument('--results', metavar='FOLDER', help='keep the answers there')
    parser.add_argument('--renew', action='store_true', help='write what changed into expected/')
    parser.add_argument('--all', action='store_true', help='with --renew: write unchanged ones too')
    parser.add_argument('--page', default='/tmp/golden-changes.png', help='with --renew: picture of the changes')
    options = parser.parse_args()
    cases = read_cases(options.only)
    with tempfile.TemporaryDirectory() as folder:
        pictures.write(folder)
        answers = ask_all(cases, folder)
    if options.results:
        store(options.results, cases, answers)
    if options.renew:
        changed = show_changes(cases, answers, options.page)
        store(EXPECTED, cases if options.all else changed, answers)
        return int(any(answers[case.name][1] for case in cases))
    failed = 0
    checks = [(case.name, judge(case, answers[case.name])) for case in cases]
    checks.append(('the comparison', comparison_catches_faults()))
    if not options.only:
        checks.append(('expected/', list_faults(cases)))
    for name, faults in checks + [('the server', list(harness.PROBLEMS))]:
        failed += bool(faults)
        for fault in faults:
            print('FAILED %s: %s' % (name, fault))
    print('%d passed, %d failed' % (len(checks) + 1 - failed, failed))
    return int(failed != 0)


if __name__ == '__main__':
    sys.exit(main())
