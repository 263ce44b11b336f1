#!/usr/bin/env python3
"""Tests tools/check/tidy.py: each rule broken on one line and on two, and good code that must pass."""

import contextlib
import io
import os
import re
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'tools', 'check'))
import tidy  # noqa: E402
import tidy_docs  # noqa: E402


def findings(body, path='src/http/x.cc', head='// A file.\n'):
    return [message for _, message in tidy.check_text(path, head + body)]


def coroutine(statement):
    return 'Task<int> f(Loop& loop) {\n  %s\n}\n' % statement


class Coroutines(unittest.TestCase):
    GOOD = [
        'co_await f(a, b);',
        'int x = co_await f(a, b);',
        'const Result<std::pair<int, int>> x = co_await f(a, b);',
        'x = co_await f(a, b);',
        '*x = co_await f(a, b);',
        'this->x_ = co_await f(a, b);',
        'table[i] = co_await f(a, b);',
        'co_return co_await f(a, b);',
        'auto x = co_await job;',
        'co_await (*exchange)->drain(scope, kMax);',
        'auto x = co_await std::move(task);',
        'auto x = co_await loop.sleep(scope, seconds(1));',
        'auto x = co_await parts.at(i)->read<int>(g(a)[1], h(b(c)));',
        'IMGRING_CO_TRY(size_t got, co_await read_body(loop, scope, fd, into));',
        'IMGRING_CO_TRY(got, co_await read_body(loop));',
        'IMGRING_CO_TRY(size_t got,\n    co_await read_body(loop,\n      into));',
        'IMGRING_CO_TRY_VOID(co_await send(loop, bytes));',
        'if (cached) image = co_await load(key);',
        'if (cached) {\n    image = co_await load(key);\n  } else\n    co_await other(key);',
        'for (int i = 0; i < 3; i++) co_await f(i);',
        'while (more) {\n    co_await f();\n  }\n  co_await g();',
        'switch (kind) {\n    case Kind::kA: co_await f(); break;\n    default: co_await g();\n  }',
        'FetchOptions options{.url = url};\n  auto r = co_await fetch(std::move(options));',
        'auto shrink = [body = std::move(body)] { return shrink_it(body); };\n  co_await pool.run(shrink);',
        'auto go = [](Loop& l) -> Task<int> { co_return co_await f(l); };',
        "co_await f(\"a { b ? c : d\", '{', 1'000);",
        'co_await f(a);  // not { this }',
        'int x =\n      co_await f(a,\n                 b);',
        '(void)co_await f(a);',
        'if (a) {\n  }\n  *p = co_await f();',
        'co_return;',
    ]

    BAD = [
        ('auto r = co_await fetch(Options{.url = url});', 'brace'),
        ('auto r = co_await fetch(\n      Options{.url = url});', 'brace'),
        ('Image i{co_await load(key)};', 'brace'),
        ('Image i{\n      co_await load(key)};', 'brace'),
        ('Image i = Image{1} + co_await load(key);', 'brace'),
        ('call(Image{1},\n      co_await load(key));', 'brace'),
        ('co_await pool.run([body] { return shrink(body); });', 'lambda'),
        ('co_await pool.run(\n      [body = std::move(body)]() mutable { return shrink(body); });', 'lambda'),
        ('Image i = cached ? co_await load(key) : Image();', '?:'),
        ('Image i = cached\n      ? co_await load(key)\n      : Image();', '?:'),
        ('co_await f(a ? b : c);', '?:'),
        ('switch (co_await f()) {\n    case 1: break;\n  }', 'switch|brace'),
        ('switch (\n      co_await f()) {\n    case 1: break;\n  }', 'switch|brace'),
        ('co_await f(new Thing(a));', 'new'),
        ('co_await f(\n      new Thing(a));', 'new'),
        ('int x = co_await f(a) + co_await f(b);', 'two'),
        ('int x = co_await f(a) +\n      co_await f(b);', 'two'),
        ('co_await f(co_await g());', 'two'),
        ('co_await f(\n      co_await g());', 'two'),
        ('int x = co_await f(a) + 1;', 'shape'),
        ('int x = co_await f(a)\n      + 1;', 'shape'),
        ('x += co_await f(a);', 'shape'),
        ('call(co_await f(a));', 'shape'),
        ('call(a,\n      co_await f(a));', 'shape'),
        ('auto [a, b] = co_await f();', 'shape'),
        ('EXPECT_EQ(1, co_await f());', 'shape'),
        ('IMGRING_TRY(int x, co_await f());', 'shape'),
        ('IMGRING_CO_TRY(int x,\n      co_await f() + 1);', 'shape'),
        ('IMGRING_CO_TRY(int x, co_await f(A{1}));', 'brace'),
        ('if (auto x = co_await f()) g();', 'shape'),
        ('if (auto x =\n      co_await f()) g();', 'shape'),
        ('while (co_await f()) {\n    g();\n  }', 'shape|brace'),
        ('for (int x = co_await f(); x; x--) g();', 'shape'),
        ('co_return 1 + co_await f();', 'shape'),
        ('co_return 1 +\n      co_await f();', 'shape'),
    ]

    def test_good_statements_pass(self):
        for statement in self.GOOD:
            with self.subTest(statement):
                self.assertEqual(findings(coroutine(statement)), [])

    def test_bad_statements_are_found(self):
        for statement, word in self.BAD:
            with self.subTest(statement):
                found = findings(coroutine(statement))
                self.assertEqual(len(found), 1, found)
                self.assertRegex(found[0], word.replace('?', r'\?'))

    def test_bad_statements_are_found_beside_good_ones(self):
        for statement, _ in self.BAD:
            with self.subTest(statement):
                body = coroutine('if (a) {\n    co_await g();\n  }\n  %s\n  co_await g();' % statement)
                self.assertEqual(len(findings(body)), 1)

    def test_the_line_is_that_of_the_co_await(self):
        found = tidy.check_text('src/http/x.cc', '// A file.\nauto f() {\n  x =\n    y + co_await g();\n}\n')
        self.assertEqual([line for line, _ in found], [4])

    def test_only_some_modules_have_coroutines(self):
        for module in tidy.MODULES:
            for body in ['Task<> f() { co_await g(); }\n', 'Task<> f() {\n  co_return\n      1;\n}\n']:
                with self.subTest(module):
                    found = findings(body, 'src/%s/x.cc' % module)
                    self.assertEqual(bool(found), module not in tidy.COROUTINE_MODULES)

    def test_macros_may_be_defined_anywhere(self):
        body = '#define TRY(decl, call) \\\n  auto r = call; \\\n  if (!r) co_return r.error()\n'
        self.assertEqual(findings(body, 'include/imgring/base/x.h', '// A.\n#pragma once\n'), [])

    def test_an_operator_is_no_coroutine(self):
        for body in [
            'struct A {\n  auto operator co_await() { return B{}; }\n};\n',
            'struct A {\n  auto operator\n      co_await() { return B{}; }\n};\n',
        ]:
            self.assertEqual(findings(body, 'src/base/x.cc'), [])

    def test_tests_may_have_coroutines_in_good_shapes(self):
        self.assertEqual(findings(coroutine('co_await f();'), 'tests/unit/url/x_test.cc'), [])
        self.assertEqual(len(findings(coroutine('f(co_await f());'), 'tests/unit/url/x_test.cc')), 1)


class Includes(unittest.TestCase):
    def test_own_module_and_earlier_ones(self):
        for line in [
            '#include "imgring/http/a.h"',
            '#include "imgring/base/a.h"',
            '#include <vector>',
            '#include "x_internal.h"',
            '#include "../base/x_internal.h"',
        ]:
            self.assertEqual(findings(line + '\n'), [])
        self.assertEqual(findings('#include "../x_internal.h"\n', 'src/http/part/x.cc'), [])

    def test_later_modules_are_refused(self):
        for line in ['#include "imgring/url/a.h"', '#include <imgring/server/a.h>', '#  include "imgring/cache/a.h"']:
            self.assertEqual(len(findings(line + '\n')), 1, line)
            self.assertEqual(len(findings(line + '\n', 'include/imgring/http/a.h', '// A.\n#pragma once\n')), 1)

    def test_unknown_modules_and_ways_out_are_refused(self):
        self.assertEqual(len(findings('#include "imgring/nothing/a.h"\n')), 1)
        self.assertEqual(len(findings('#include "../url/x_internal.h"\n')), 1)
        self.assertEqual(len(findings('#include "../../url/x.h"\n', 'src/http/part/x.cc')), 1)
        self.assertEqual(len(findings('', 'src/nothing/x.cc')), 1)

    def test_libvips_is_named_where_it_is_used_only(self):
        line = '#include <vips/vips.h>\n'
        for path in ['src/image/x.cc', 'src/pipeline/steps/x.cc', 'src/pipeline/runner.cc', 'tests/bench/x.cc']:
            self.assertEqual(findings(line, path), [], path)
        for path in ['src/sandbox/x.cc', 'src/pipeline/plan.cc', 'src/pipeline/runner_of.cc', 'src/server/x.cc']:
            self.assertEqual(len(findings(line, path)), 1, path)

    def test_main_and_tests_include_everything(self):
        for path in ['src/main.cc', 'tests/unit/base/x_test.cc']:
            self.assertEqual(findings('#include "imgring/server/a.h"\n', path), [])


class Layout(unittest.TestCase):
    def test_opening_comment(self):
        self.assertEqual(findings('int a;\n', head=''), ['no opening comment'])
        self.assertEqual(findings('\n// late\n', head=''), ['no opening comment'])

    def test_an_opening_comment_says_something_of_its_own(self):
        for text in ['// See the header.\n', '// See the header; rules of x.\n', '// See its header\n']:
            self.assertEqual(len(findings('', head=text)), 1, text)
        self.assertEqual(findings('', head='// Seen from the header: rows.\n'), [])

    def test_pragma_once(self):
        self.assertEqual(findings('int a;\n', 'include/imgring/base/a.h'), ['no #pragma once'])
        self.assertEqual(findings('// #pragma once\n', 'src/base/a_internal.h'), ['no #pragma once'])
        self.assertEqual(findings('#pragma once\n', 'include/imgring/base/a.h'), [])

    def test_columns_count_characters_not_bytes(self):
        self.assertEqual(findings('// ' + 'é' * 97 + '\n'), [])
        self.assertEqual(len(findings('// ' + 'e' * 98 + '\n')), 1)
        self.assertEqual(len(findings('int a;\n// ' + 'e' * 98 + '\n')), 1)

    def test_long_comments_are_wrapped(self):
        words = 'word ' * 19 + 'long enough.'
        self.assertEqual(
            tidy.wrap_comments('// %s\n// next\nint a;\n' % words),
            '// %s\n// long enough. next\nint a;\n' % words[:-13],
        )
        self.assertEqual(
            tidy.wrap_comments('  // %s\n  // New one.\n' % words),
            '  // %s\n  // long enough.\n  // New one.\n' % words[:-13],
        )
        self.assertEqual(tidy.wrap_comments('int a;  // ' + words), 'int a;  // ' + words)

    def test_a_wrapped_comment_goes_on_in_the_middle_of_a_sentence(self):
        words = 'word ' * 20 + 'TIFF'
        self.assertEqual(
            tidy.wrap_comments('// %s\n// TIFF inside.\n' % words[:-5]), '// %s\n// word TIFF inside.\n' % words[:-10]
        )

    def test_samples_and_lists_in_comments_stay(self):
        for text in ['//   auto x = f(%s);\n//   g();\n' % ('a, ' * 40), '//   * %s\n' % ('word ' * 30)]:
            self.assertEqual(tidy.wrap_comments(text), text)

    def test_tabs_and_trailing_spaces(self):
        self.assertEqual(len(findings('int a; \n')), 1)
        self.assertEqual(len(findings('\tint a;\n')), 1)

    def test_file_length(self):
        self.assertEqual(findings('int a;\n' * 499), [])
        self.assertEqual(len(findings('int a;\n' * 500)), 1)

    def test_thread_local(self):
        for body in ['thread_local int a;\n', 'static\n  thread_local int a;\n']:
            self.assertEqual(len(findings(body)), 1)
            self.assertEqual(findings(body, 'src/loop/x.cc'), [])
            self.assertEqual(findings(body, 'src/mem/x.cc'), [])
        self.assertEqual(findings('// thread_local is for others\n'), [])


class Functions(unittest.TestCase):
    HEADS = [
        'int f(int a) {',
        'int f(int a)\n{',
        'template <class T, class U = std::vector<T>>\nResult<T> f(T a,\n    U b) noexcept {',
        'struct stat f(int a) {',
        'auto f(int a) -> Result<int> {',
        'Foo::Foo(int a) : a_{a}, b_(3), c_{f(1)} {',
        'namespace a {\nclass B : public C {\n public:\n  int f() const override {',
        'TEST(Suite, Name) {',
        'auto f = [](int a) {',
        'bool operator()(int a) {',
    ]

    def test_length(self):
        for head in self.HEADS:
            closing = '}' * head.count('namespace') * 2 + '}\n'
            for lines, bad in [(58, 0), (59, 1)]:
                with self.subTest(head=head, lines=lines):
                    found = findings(head + '\n' + '  call({1}, [] { go(); });\n' * lines + closing)
                    self.assertEqual(len(found), bad, found)

    def test_long_things_that_are_no_functions(self):
        for head in [
            'namespace a {',
            'class A : public B<int> {',
            'struct alignas(64) A {',
            'enum class A : int {',
            'constexpr Case kCases[] = {',
            'extern "C" {',
            'const std::map<int, int> kA{',
        ]:
            with self.subTest(head):
                self.assertEqual(findings(head + '\n' + '\n' * 100 + '};\n'), [])

    def test_two_functions_are_not_one(self):
        self.assertEqual(findings('int f() {\n' + '\n' * 50 + '}\nint g() {\n' + '\n' * 50 + '}\n'), [])

    def test_braces_in_strings_do_not_count(self):
        self.assertEqual(findings('auto a = "{";\nint f() {\n' + '\n' * 50 + '}\nauto b = R"x({)x";\n' + '\n' * 60), [])


class Tree(unittest.TestCase):
    """Each finding in a small tree of its own that has none by itself."""

    FILES = {
        'README.md': '# Readme\n\nSee [the rules](docs/spec/rules.md#2-more).\n',
        'docs/spec/rules.md': (
            '# Rules\n\n## 1. First\n\n1. One.\n2. Two.\n\n## 2. More\n\n'
            'Text of section 1, step 2.\n\n### 2.1 Deep\n\n8.5 **Colour.** Words.\n'
        ),
        'docs/design/decisions.md': '# Decisions\n\n1. **One.** Text.\n2. Two.\n',
        'docs/spec/configuration.md': '# Configuration\n\n| `IMGRING_LOOPS` | `PORT` |\n',
        'src/config/table_server.cc': '// Table.\nauto a = row("IMGRING_LOOPS", 1); auto b = row("PORT");\n',
        'src/http/notes.md': '# Notes\n',
        'tools/run': '#!/bin/sh\n',
    }

    def tree(self, **changes):
        """What tidy prints of the tree, its summary left out; a / in a name is written __."""
        files = {
            **self.FILES,
            **{re.sub('_(md|cc|h)$', r'.\1', k.replace('__', '/')): v for k, v in changes.items()},
        }
        with tempfile.TemporaryDirectory() as root:
            for path, text in files.items():
                os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
                with open(os.path.join(root, path), 'w', encoding='utf-8') as file:
                    file.write(text)
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                status = tidy.check_tree(root)
        lines = printed.getvalue().split('\n')[:-2]
        self.assertEqual(status, 1 if lines else 0)
        return lines

    def comment(self, text):
        return self.tree(src__http__x_cc='// A file. %s\n' % text)


class Citations(Tree):
    def test_the_tree_is_clean(self):
        self.assertEqual(self.tree(), [])

    GOOD = [
        'rules.md',
        'docs/spec/rules.md section 1',
        'rules.md section 1, step 2',
        'rules.md 2.1',
        'notes.md',
        'rules.md sections 1 and 2, and rules.md 8.5',
        'rules.md section 1, rules 1 and 2',
        'decision 2',
        'decisions 1 and 2',
        'RFC 3986, section 5.2',
        'CSS Syntax Level 3, section 4',
        'rules.md,\n// section 2',
        'rules.md\n// section 1, step 1 says so',
        'rulings 1, 2',
        "rules.md section 2's text",
    ]
    BAD = [
        ('rule.md', 'no document'),
        ('docs/design/rules.md section 1', 'no document'),
        ('rules.md section 3', 'no section 3'),
        ('rules.md sections 1 to 4', 'no section 4'),
        ('rules.md 2.2', 'no section 2.2'),
        ('rules.md section 1, step 3', 'no item 3'),
        ('rules.md section 2, rule 1', 'no item 1'),
        ('decision 3', 'no decision 3'),
        ('decisions 1 and 4', 'no decision 4'),
        ('Ruling 3', 'no decision 3'),
        ('section 1', 'of no document'),
        ('Section 1: sizes', 'of no document'),
        ('the specification, section 2.1', 'of no document'),
        ('rules.md\n// section 3', 'no section 3'),
        ('rules.md section 1,\n// step 3', 'no item 3'),
        ('decision\n// 3', 'no decision 3'),
    ]

    def test_good_citations_pass(self):
        for text in self.GOOD:
            with self.subTest(text):
                self.assertEqual(self.comment(text), [])

    def test_wrong_citations_are_found(self):
        for text, words in self.BAD:
            with self.subTest(text):
                found = self.comment(text)
                self.assertEqual(len(found), 1, found)
                self.assertIn('src/http/x.cc:', found[0])
                self.assertIn(words, found[0])

    def test_strings_cite_nothing(self):
        self.assertEqual(self.tree(src__http__x_cc='// A file.\nauto a = "section 9 of rule.md";\n'), [])
        self.assertEqual(self.tree(tools__run='#!/usr/bin/env python3\na = ["section 9 of rule.md"]\n'), [])
        self.assertEqual(self.tree(tools__run='#!/bin/sh\necho section 9 of rule.md\n'), [])

    def test_comments_of_scripts(self):
        for text in [
            '#!/usr/bin/env python3\n"""One line.\n\nThen rule.md.\n"""\n',
            '#!/bin/sh\ntrue  # decision 9\n',
            '#!/usr/bin/env python3\ndef f():\n    """By rule.md."""\n    return 1\n',
        ]:
            with self.subTest(text):
                self.assertEqual(len(self.tree(tools__run=text)), 1)

    def test_documents_and_scripts_are_read_too(self):
        for name in ['src__http__notes_md', 'tools__run']:
            for text in ['rules.md section 3', 'decision 3', 'nothing.md']:
                with self.subTest(name + text):
                    self.assertEqual(len(self.tree(**{name: '# %s\n' % text})), 1)

    def test_a_section_alone_is_one_of_the_same_document(self):
        rules = self.FILES['docs/spec/rules.md']
        self.assertEqual(self.tree(docs__spec__rules_md=rules + '\nAs section 2.1 says.\n'), [])
        self.assertIn('no section 7', self.tree(docs__spec__rules_md=rules + '\nAs section 7 says.\n')[0])

    def test_the_line_is_that_of_the_citation(self):
        found = self.tree(src__http__x_cc='// A file.\n// Its rules: rules.md section 1.\n// And decision 9.\n')
        self.assertEqual([line.split(': ')[0] for line in found], ['src/http/x.cc:3'])


class TheSystem(Tree):
    ABOVE = [
        'auto a = loop::Clock::now();',
        'auto a = std::chrono::steady_clock::now();',
        'auto a =\n    std::chrono::system_clock\n        ::now();',
        'auto a = std::time(nullptr);',
        'auto a = time(nullptr);',
        'int f() { return clock_gettime(0, nullptr); }',
        'std::thread worker(f);',
        'std::jthread worker(f);',
        'void f() { std::this_thread::sleep_for(a); }',
        'long f() { return syscall(39); }',
        '#include <unistd.h>',
        '#include <sys/socket.h>',
        '#include <thread>',
    ]
    GOOD = [
        'auto a = loop.now();',
        'auto a = loop.unix_s();',
        'std::thread::id id;',
        'bool a = clock.time(nullptr);',
        '// Clock::now() is of the loop.',
        'auto a = "Clock::now()";',
        '#include <sys/types.h>',
        '#include <ctime>',
    ]

    def test_nobody_above_the_loop_asks_it(self):
        for body in self.ABOVE:
            with self.subTest(body):
                found = findings(body + '\n', 'src/source/x.cc')
                self.assertEqual(len(found), 1, found)
                self.assertIn('SYSTEM_USERS', found[0])
                self.assertEqual(findings(body + '\n', 'src/loop/x.cc'), [])
                self.assertEqual(findings(body + '\n', 'src/observe/process.cc'), [])
                self.assertEqual(findings(body + '\n', 'tests/unit/source/x.cc'), [])
        for body in self.GOOD:
            with self.subTest(body):
                self.assertEqual(findings(body + '\n', 'src/source/x.cc'), [])

    def test_a_row_is_a_file_or_a_folder(self):
        self.assertEqual(tidy.system_user('src/cli/commands.cc'), 'cli')
        self.assertEqual(tidy.system_user('src/source/local.h'), 'source/local.')
        self.assertIsNone(tidy.system_user('src/source/locals.h'))
        self.assertIsNone(tidy.system_user('src/client/x.cc'))

    def test_a_row_that_nobody_needs(self):
        own = {'tools/tidy.py': '#!/bin/sh\n'}
        needed, idle = '// P.\n#include <unistd.h>\n', '// P.\n'
        rows = lambda text: '\n'.join(self.tree(src__observe__process_cc=text, **own))
        self.assertNotIn('the row observe/process.cc', rows(needed))
        self.assertIn('the row observe/process.cc', rows(idle))
        self.assertEqual(self.tree(src__observe__process_cc=idle), [])


class Names(Tree):
    def test_files_in_comments(self):
        self.assertEqual(self.comment('table_server.cc has the rows, x.cc and http/x.cc are this.'), [])
        self.assertEqual(self.comment('As in <linux/io_uring.h> and src/<module>/y.cc.'), [])
        self.assertIn('table_servers.cc', self.comment('table_servers.cc has the rows.')[0])
        self.assertIn('url/x.h', self.comment('See url/x.h for more.')[0])

    def test_files_and_links_in_documents(self):
        good = '# N\n\n`src/config/table_server.cc`, `tools/run`, `steps/NAME.cc`, [r](../../docs/spec/rules.md)\n'
        self.assertEqual(self.tree(src__http__notes_md=good), [])
        for text in ['`src/config/none.cc`', '[r](../rules.md)', '[r](../../docs/spec/rules.md#nowhere)', '[a](#b)']:
            with self.subTest(text):
                self.assertEqual(len(self.tree(src__http__notes_md='# N\n\n%s\n' % text)), 1)

    def test_libvips_is_seen_where_it_may_be(self):
        vips = '// P.\n#pragma once\n\n#include <vips/vips.h>\n'
        through = '// P.\n#pragma once\n\n#include "imgring/image/p.h"\n'
        plain = '// P.\n#pragma once\n'
        self.assertEqual(self.tree(include__imgring__image__p_h=vips, src__pipeline__load_h=through), [])
        found = self.tree(include__imgring__image__p_h=vips, src__server__a_h=through)
        self.assertEqual(len(found), 1, found)
        self.assertIn('module server sees libvips through include/imgring/image/p.h', found[0])
        self.assertEqual(self.tree(include__imgring__image__p_h=plain, src__server__a_h=through), [])

    def test_variables_stand_in_the_table_and_in_the_document(self):
        found = self.tree(src__config__table_server_cc='// T.\nauto a = row("IMGRING_MORE", 1); row("PORT");\n')
        self.assertEqual(len(found), 2, found)
        self.assertIn('IMGRING_LOOPS is in no table', found[0] + found[1])
        self.assertIn('IMGRING_MORE of src/config is not in the document', found[0] + found[1])


class Documents(Tree):
    def note(self, text):
        return self.tree(src__http__notes_md='# N\n\n%s\n' % text)

    def test_long_lines(self):
        self.assertEqual(len(self.note('word ' * 21 + 'end')), 1)
        for text in [
            '| %s |' % ('cell ' * 30),
            '```\n%s\n```' % ('x ' * 60 + 'x'),
            '    %s' % ('x ' * 60 + 'x'),
            'http://host/' + 'a' * 120,
        ]:
            with self.subTest(text):
                self.assertEqual(self.note(text), [])

    def test_paragraphs_and_items_are_filled(self):
        text = '# A\n\n- %s\n  b\n- short\n\n| %s |\n' % ('word ' * 25, 'cell ' * 30)
        filled = tidy_docs.wrap_markdown(text)
        self.assertEqual(
            filled,
            '# A\n\n- %s\n  %s b\n- short\n\n| %s |\n'
            % (' '.join(['word'] * 19), ' '.join(['word'] * 6), 'cell ' * 30),
        )
        self.assertEqual(tidy_docs.wrap_markdown(filled), filled)

    def test_a_filled_line_begins_no_list_and_cuts_no_code(self):
        for word in ['-', '1.', '#', '*', '|']:
            filled = tidy_docs.wrap_markdown('%s %s end of it.' % ('a' * 97, word + ' more'))
            self.assertNotIn('\n' + word + ' ', filled)
        self.assertIn('`co_await f(a, b);`', tidy_docs.wrap_markdown('word ' * 18 + '`co_await f(a, b);` end'))

    def test_faults_of_others_are_refused(self):
        for text in [
            'imgproxy has a bug in its redirects.',
            'This crashes libvips.',
            'A defect of llhttp, mended here.',
            'g++ miscompiles that.',
            'The reference server crashed after it.',
            'imgproxy follows it,\nwhich is a vulnerability.',
            'thumbor leaves it open: an exploit is known.',
            '| imgproxy | smuggling |',
        ]:
            with self.subTest(text):
                found = self.note(text)
                self.assertEqual(len(found), 1, found)
                self.assertIn('faults', found[0])
        for text in [
            'A bug of ours.',
            'The server never crashes.',
            'imgproxy ends with 1. A crash of ours is a bug.',
            'libvips 8.14 or newer.',
        ]:
            with self.subTest(text):
                self.assertEqual(self.note(text), [])


if __name__ == '__main__':
    unittest.main()
