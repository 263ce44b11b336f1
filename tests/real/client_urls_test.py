#!/usr/bin/env python3
"""URLs that clients' libraries make of each of their options, asked of a real server.

    python3 tests/real/client_urls_test.py     IMGRING names the program

client_urls.json has them as npm's @imgproxy/imgproxy-js-core and @imgproxy/imgproxy-node and PyPI's imgproxy and
pyimgproxy made them, each once, with the versions; of npm's @bitpatty/imgproxy-url-builder it has what those do
not know. /p.png is the source, /m.png another picture. An answer is 200, or what the documentation says of what
is not built: 404 `Invalid URL` for the options of the list "Not yet" of docs/spec/paid.md and for the arguments
of NOT_BUILT, 422 for a format that can't be written and for a hash sum, which is never that of /p.png.
"""

import concurrent.futures
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile

import common

HERE = os.path.dirname(os.path.abspath(__file__))
# Arguments of options that are built, and what they wait for.
NOT_BUILT = [
    (r'[:/](obj|objw):', 'needs a model that finds objects'),
    (r'[:/](pdf)[:/]', 'needs a reader and a writer of PDF'),
    (r'[:/](mp4)[:/]', 'needs an encoder of videos'),
]
# Formats that are not built may stand in these.
LISTS = ('format_quality', 'skip_processing')
# Options of the info endpoint that are 404 (docs/spec/info.md).
INFO_NOT_BUILT = {
    'classify': 'needs a model',
    'detect_objects': 'needs a model',
}
# Formats that no picture of pixels is written in, or that this machine's libraries may not have.
UNWRITTEN = re.compile(r'/(f|ext|format):(svg|jxl|avif)/')
HASH_SUM = re.compile(r'/hashsum:(md5|sha1|sha256|sha512):')
WORKERS = 2


def not_yet():
    """The options that docs/spec/paid.md says are not built, and whether the info endpoint is."""
    with open(os.path.join(common.ROOT, 'docs/spec/paid.md'), encoding='utf-8') as file:
        text = file.read()
    section = ' '.join(text[text.index('Not yet\n') :].split())
    names = set(re.findall(r'[a-z_]+', section[section.index('not built:') :].split('.')[0]))
    return names, 'info endpoint' not in section


def wanted(row, unbuilt, info):
    """The statuses that a row may have."""
    if row['kind'] == 'info':
        return {200} if info and row['option'] not in INFO_NOT_BUILT else {404}
    if row['option'] in unbuilt:
        return {404}
    if row['option'] not in LISTS and any(re.search(pattern, row['url']) for pattern, _ in NOT_BUILT):
        return {404}
    if HASH_SUM.search(row['url']):
        return {422}
    return {200, 422} if UNWRITTEN.search(row['url']) else {200}


def ask(port, row):
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=60)
    connection.request('GET', row['url'])
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def check(checks, row, answer, statuses):
    status, body = answer
    good = status in statuses
    if status == 404:
        good = good and body.startswith(b'Invalid URL')
    if HASH_SUM.search(row['url']):
        good = good and body.startswith(b'Source image hashsum mismatch')
    if good:
        checks.passed += 1  # some 500 lines would say nothing
        return
    what = '%s of %s, made by %s' % (row['url'], row['option'], ', '.join(row['clients']))
    checks.that(what, False, '%d %r, wanted %s' % (status, body[:80], sorted(statuses)))


def main():
    with open(os.path.join(HERE, 'client_urls.json'), encoding='utf-8') as file:
        table = json.load(file)
    unbuilt, info = not_yet()
    checks = common.Checks()
    checks.that(
        'every client is in the table', set(table['versions']) == {c for r in table['urls'] for c in r['clients']}
    )
    checks.that('what is not built is listed', 'blur_detections' in unbuilt and 'width' not in unbuilt, sorted(unbuilt))
    with tempfile.TemporaryDirectory() as folder:
        for name, width, height in (('p.png', 160, 120), ('m.png', 40, 30)):
            sample = os.path.join(common.ROOT, 'tools/pictures/make-sample')
            subprocess.run([sys.executable, sample, os.path.join(folder, name), str(width), str(height)], check=True)
        settings = {
            'IMGPROXY_LOCAL_FILESYSTEM_ROOT': folder,
            'IMGPROXY_WATERMARK_PATH': os.path.join(folder, 'm.png'),
            'IMGPROXY_ALLOW_SECURITY_OPTIONS': 'true',
            'IMGPROXY_ALLOW_BYPASS_CACHE': 'true',
            'IMGPROXY_PRESETS': 'small=w:20',
            'IMGPROXY_INFO_PRESETS': 'small=size:1',
        }
        with common.Imgring(folder, **settings) as server:
            with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
                answers = list(pool.map(lambda row: ask(server.port, row), table['urls']))
            for row, answer in zip(table['urls'], answers):
                check(checks, row, answer, wanted(row, unbuilt, info))
    return checks.end()


if __name__ == '__main__':
    sys.exit(main())
