#!/usr/bin/env python3
"""Tests the header readers of tools/check/serve_check.py, and the drawing of the sample."""

import os
import struct
import subprocess
import sys
import tempfile
import unittest

TOOLS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'tools')
sys.path.insert(0, os.path.join(TOOLS, 'check'))
import serve_check  # noqa: E402


def riff(chunk):
    return b'RIFF' + struct.pack('<I', len(chunk) + 4) + b'WEBP' + chunk


class PictureFacts(unittest.TestCase):
    def test_jpeg_behind_other_segments(self):
        app = b'\xff\xe0' + struct.pack('>H', 16) + b'\0' * 14
        tables = b'\xff\xc4' + struct.pack('>H', 4) + b'\0' * 2
        frame = b'\xff\xc2' + struct.pack('>HBHHB', 11, 8, 333, 500, 1) + b'\0' * 3
        self.assertEqual(
            serve_check.picture_facts(b'\xff\xd8' + app + tables + frame + b'\xff\xd9'), ('image/jpeg', 500, 333)
        )

    def test_webp_of_three_kinds(self):
        lossy = b'VP8 ' + struct.pack('<I', 10) + b'\0\0\0\x9d\x01\x2a' + struct.pack('<HH', 300, 200)
        lossless = b'VP8L' + struct.pack('<I', 5) + b'\x2f' + struct.pack('<I', 299 | 199 << 14)
        extended = b'VP8X' + struct.pack('<I', 10) + b'\0' * 4 + b'\x2b\x01\0' + b'\xc7\0\0'
        for chunk in (lossy, lossless, extended):
            self.assertEqual(serve_check.picture_facts(riff(chunk)), ('image/webp', 300, 200))

    def test_cut_pictures_are_no_pictures(self):
        lossy = b'VP8 ' + struct.pack('<I', 10) + b'\0\0\0\x9d\x01\x2a' + struct.pack('<HH', 300, 200)
        self.assertEqual(serve_check.picture_facts(riff(lossy)[:-1])[0], 'unknown')
        self.assertEqual(serve_check.picture_facts(b'\xff\xd8\xff\xe0')[0], 'unknown')
        self.assertEqual(serve_check.picture_facts(b'')[0], 'unknown')

    def test_the_sample_is_a_png_and_always_the_same(self):
        with tempfile.TemporaryDirectory() as folder:
            path, seen = os.path.join(folder, 'a.png'), set()
            for _ in range(2):
                subprocess.run(
                    [sys.executable, os.path.join(TOOLS, 'pictures/make-sample'), path, '96', '64'], check=True
                )
                with open(path, 'rb') as file:
                    seen.add(file.read())
        self.assertEqual(len(seen), 1)
        self.assertEqual(serve_check.picture_facts(seen.pop()), ('image/png', 96, 64))


if __name__ == '__main__':
    unittest.main()
