#!/usr/bin/env python3
"""Tests the comparison of two servers: what it draws, what it calls different, how it makes a difference small."""

import collections
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'conformance'))
import compare  # noqa: E402
import draw  # noqa: E402
import harness  # noqa: E402

PROFILES, CASES = draw.profiles()


def case(path):
    return {'family': 'given', 'profile': 'default', 'path': path, 'headers': {}}


def reply(status=200, body=b'', **headers):
    return harness.Reply(status, [(k.replace('_', '-'), v) for k, v in headers.items()], body)


class Drawing(unittest.TestCase):
    def test_a_seed_gives_the_same_requests(self):
        first, second, other = (draw.Drawer(seed, CASES, ['a.png']) for seed in (7, 7, 8))
        drawn = [first.draw() for _ in range(200)]
        self.assertEqual(drawn, [second.draw() for _ in range(200)])
        self.assertNotEqual(drawn, [other.draw() for _ in range(200)])

    def test_every_family_is_drawn_with_known_configurations(self):
        drawer = draw.Drawer(1, CASES, ['a.gif'])
        drawn = [drawer.draw() for _ in range(3000)]
        self.assertEqual({d['family'].split()[0] for d in drawn}, set(draw.Drawer.FAMILIES))
        self.assertLessEqual({d['profile'] for d in drawn}, set(PROFILES))

    def test_a_recorded_path_survives_taking_apart(self):
        simple = [c['path'] for c in CASES if 'path' in c and draw.split_path(c['path'])]
        self.assertGreater(len(simple), 1000)
        for path in simple:
            self.assertEqual(draw.join_path(*draw.split_path(path)), path.rstrip('@'))


class Comparing(unittest.TestCase):
    def test_equal_replies_do_not_differ(self):
        a = reply(404, b'Invalid URL', Content_Type='text/plain')
        self.assertEqual(compare.differences(a, a, case('/x')), [])

    def test_status_text_and_headers_count(self):
        want = reply(404, b'Invalid URL', Content_Type='text/plain')
        for got, word in (
            (reply(403, b'Invalid URL', Content_Type='text/plain'), 'status'),
            (reply(404, b'Other', Content_Type='text/plain'), 'text'),
            (reply(404, b'Invalid URL', Content_Type='text/html'), 'Content-Type'),
            (reply(404, b'Invalid URL', Content_Type='text/plain', X_Result_Width='3'), 'X-Result-Width'),
        ):
            self.assertIn(word, ' '.join(compare.differences(got, want, case('/x'))))

    def test_a_rule_must_explain_every_reason(self):
        rules = [{'request': 'x=1', 'difference': '^bands', 'why': 'known'}]
        self.assertEqual(compare.rule_for(rules, case('/x=1'), ['bands 3 instead of 4']), 'known')
        self.assertIsNone(compare.rule_for(rules, case('/x=1'), ['bands 3 instead of 4', 'w 1 instead of 2']))
        self.assertIsNone(compare.rule_for(rules, case('/y'), ['bands 3 instead of 4']))

    def test_only_the_options_that_matter_are_left(self):
        class Pair:
            def ask(self, c):
                return (['bands 3 instead of 4'] if '/bl:2' in c['path'] else []), 200

        small, _ = compare.smaller(
            Pair(), case('/insecure/w:1/bl:2/rs:fit:2:3/plain/local:///a.png'), ['bands 3 instead of 4']
        )
        self.assertEqual(small['path'], '/insecure/bl:2/plain/local:///a.png')

    def test_the_tokens_of_a_signature_need_its_key(self):
        asked = []
        known = harness.request
        harness.request = lambda port, method, path, headers, timeout: asked.append(path)
        try:
            compare.send(1, case('/{sig1}/plain/x'), {'IMGPROXY_KEY': '00', 'IMGPROXY_SALT': '00'}, '')
            compare.send(1, case('/{sig}/plain/x'), {'IMGPROXY_KEY': '00', 'IMGPROXY_SALT': '00'}, '')
        finally:
            harness.request = known
        self.assertEqual(asked[0], '/nokey/plain/x')
        self.assertEqual(asked[1], '/%s/plain/x' % harness.sign('/plain/x', '00', '00'))


class Totals(unittest.TestCase):
    def test_kinds_of_differences_leave_numbers_out(self):
        kinds = collections.Counter(
            compare.kind_of([r]) for r in ('w 3 instead of 4', 'w 5 instead of 6', 'h 3 instead of 4')
        )
        self.assertEqual(sorted(kinds.values()), [1, 2])


if __name__ == '__main__':
    unittest.main()
