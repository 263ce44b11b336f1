#!/usr/bin/env python3
"""Tests tools/tidy.py: each rule broken on one line and on two, and good code that must pass."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'tools'))
import tidy  # noqa: E402


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
        'co_await f("a { b ? c : d", \'{\', 1\'000);',
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
        for body in ['struct A {\n  auto operator co_await() { return B{}; }\n};\n',
                     'struct A {\n  auto operator\n      co_await() { return B{}; }\n};\n']:
            self.assertEqual(findings(body, 'src/base/x.cc'), [])

    def test_tests_may_have_coroutines_in_good_shapes(self):
        self.assertEqual(findings(coroutine('co_await f();'), 'tests/unit/url/x_test.cc'), [])
        self.assertEqual(len(findings(coroutine('f(co_await f());'), 'tests/unit/url/x_test.cc')), 1)


class Includes(unittest.TestCase):
    def test_own_module_and_earlier_ones(self):
        for line in ['#include "imgring/http/a.h"', '#include "imgring/base/a.h"', '#include <vector>',
                     '#include "x_internal.h"', '#include "../base/x_internal.h"']:
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

    def test_main_and_tests_include_everything(self):
        for path in ['src/main.cc', 'tests/unit/base/x_test.cc']:
            self.assertEqual(findings('#include "imgring/server/a.h"\n', path), [])


class Layout(unittest.TestCase):
    def test_opening_comment(self):
        self.assertEqual(findings('int a;\n', head=''), ['no opening comment'])
        self.assertEqual(findings('\n// late\n', head=''), ['no opening comment'])

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
        self.assertEqual(tidy.wrap_comments('// %s\n// next\nint a;\n' % words),
                         '// %s\n// long enough. next\nint a;\n' % words[:-13])
        self.assertEqual(tidy.wrap_comments('  // %s\n  // New one.\n' % words),
                         '  // %s\n  // long enough.\n  // New one.\n' % words[:-13])
        self.assertEqual(tidy.wrap_comments('int a;  // ' + words), 'int a;  // ' + words)

    def test_tabs_and_trailing_spaces(self):
        self.assertEqual(len(findings('int a; \n')), 1)
        self.assertEqual(len(findings('\tint a;\n')), 1)

    def test_file_length(self):
        self.assertEqual(findings('int a;\n' * 798), [])
        self.assertEqual(len(findings('int a;\n' * 799)), 1)

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
            for lines, bad in [(67, 0), (68, 1)]:
                with self.subTest(head=head, lines=lines):
                    found = findings(head + '\n' + '  call({1}, [] { go(); });\n' * lines + closing)
                    self.assertEqual(len(found), bad, found)

    def test_long_things_that_are_no_functions(self):
        for head in ['namespace a {', 'class A : public B<int> {', 'struct alignas(64) A {', 'enum class A : int {',
                     'constexpr Case kCases[] = {', 'extern "C" {', 'const std::map<int, int> kA{']:
            with self.subTest(head):
                self.assertEqual(findings(head + '\n' + '\n' * 100 + '};\n'), [])

    def test_two_functions_are_not_one(self):
        self.assertEqual(findings('int f() {\n' + '\n' * 60 + '}\nint g() {\n' + '\n' * 60 + '}\n'), [])

    def test_braces_in_strings_do_not_count(self):
        self.assertEqual(findings('auto a = "{";\nint f() {\n' + '\n' * 60 + '}\nauto b = R"x({)x";\n' + '\n' * 60), [])


if __name__ == '__main__':
    unittest.main()
