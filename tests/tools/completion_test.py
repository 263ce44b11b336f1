#!/usr/bin/env python3
"""The completion of zsh and fish, by those shells themselves: zsh in a terminal of its own, where the
tab key is pressed; fish by its own question. A shell that is not here is said and counted as a skip.
(bash: package_test.py.)

    python3 tests/tools/completion_test.py     IMGRING names the program; without it: build/imgring
"""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.abspath(os.environ.get('IMGRING', os.path.join(ROOT, 'build/imgring')))
PATIENCE_S = 60
MISSING = [shell for shell in ('zsh', 'fish') if shutil.which(shell) is None]

# (what is typed, words that are offered, words that are not)
OFFERED = (
    ('imgring ', ('serve', 'check-config', 'doctor', 'help'), ('--json',)),
    ('imgring print-config --', ('--env-file', '--changed', '--json'), ('--user', '--verbose')),
    ('imgring completion ', ('bash', 'zsh', 'fish'), ('serve',)),
    ('imgring check-config --env-file ', ('settings.env',), ('serve',)),
)
# (what is typed, what the one word makes of it)
COMPLETED = (
    ('imgring che', 'imgring check-config'),
    ('imgring check-config --us', 'imgring check-config --user'),
    ('imgring serve --env-file sett', 'imgring serve --env-file settings.env'),
)


class Case(unittest.TestCase):
    shell = ''

    def setUp(self):
        if not os.path.exists(PROGRAM):
            self.skipTest('%s is not built' % PROGRAM)
        if self.shell in MISSING:
            self.skipTest(self.shell + ' is not here')
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        os.mkdir(self.folder + '/bin')
        os.symlink(PROGRAM, self.folder + '/bin/imgring')
        os.mkdir(self.folder + '/work')
        with open(self.folder + '/work/settings.env', 'w'):
            pass
        self.environment = {
            'PATH': self.folder + '/bin:' + os.environ['PATH'],
            'HOME': self.folder,
            'TERM': 'dumb',
            'LANG': 'C.UTF-8',
        }

    def script(self, name):
        path = os.path.join(self.folder, name)
        with open(path, 'w') as file:
            subprocess.run([PROGRAM, 'completion', self.shell], stdout=file, check=True)
        return path


class Fish(Case):
    shell = 'fish'

    def complete(self, typed):
        script = self.script('imgring.fish')
        done = subprocess.run(
            ['fish', '--no-config', '-c', 'source %s; complete -C "%s"' % (script, typed)],
            cwd=self.folder + '/work',
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
            timeout=PATIENCE_S,
            check=True,
        )
        return [line.split('\t')[0] for line in done.stdout.split('\n') if line]

    def test_what_is_offered(self):
        for typed, wanted, unwanted in OFFERED:
            with self.subTest(typed):
                words = self.complete(typed)
                for word in wanted:
                    self.assertIn(word, words)
                for word in unwanted:
                    self.assertNotIn(word, words)

    def test_what_is_completed(self):
        for typed, whole in COMPLETED:
            with self.subTest(typed):
                self.assertEqual(self.complete(typed), [whole.rsplit(' ', 1)[1]])


class Zsh(Case):
    shell = 'zsh'

    def setUp(self):
        super().setUp()
        os.mkdir(self.folder + '/functions')
        self.script('functions/_imgring')
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(self.folder + '/work')
            os.execvpe('zsh', ['zsh', '-f', '-i'], self.environment)
        self.addCleanup(self.end)
        self.send("PS1='' PS2=''; unsetopt zle_bracketed_paste prompt_cr prompt_sp; stty -echo\n")
        self.send('fpath=(%s/functions $fpath); autoload -Uz compinit; compinit -u -D\n' % self.folder)
        self.send(
            "zstyle ':completion:*' list-prompt ''; LISTMAX=10000; setopt no_auto_menu; bindkey '^I' complete-word\n"
        )
        # What a tab made of the line, and what it lists, between words that nothing else says.
        self.send('show() { zle complete-word; print -r -- "<<$BUFFER>>"; zle kill-buffer; }; zle -N show\n')
        self.send('list() { zle list-choices; zle -R; print -r -- "<<listed>>"; zle kill-buffer; }; zle -N list\n')
        self.send("bindkey '^Xs' show; bindkey '^Xl' list; print '<<''begin>>'\n")
        self.read_until('<<begin>>')

    def end(self):
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)
        os.close(self.terminal)

    def send(self, text):
        os.write(self.terminal, text.encode())

    def read_until(self, pattern):
        text, end = '', time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            if select.select([self.terminal], [], [], 0.5)[0]:
                text += os.read(self.terminal, 65536).decode(errors='replace')
            found = re.search(pattern, text)
            if found:
                return text, found
        self.fail('zsh says no %s but %r' % (pattern, text))

    def test_what_is_completed(self):
        for typed, whole in COMPLETED:
            with self.subTest(typed):
                self.send(typed + '\x18s')
                self.assertEqual(self.read_until(r'<<(.*?)>>')[1].group(1).rstrip(), whole)

    def test_what_is_offered(self):
        for typed, wanted, unwanted in OFFERED:
            with self.subTest(typed):
                self.send(typed + '\x18l')
                said = self.read_until('<<listed>>')[0].replace(typed, '', 1)
                words = re.split(r'[\s\x1b]+', said)
                for word in wanted:
                    self.assertIn(word, words)
                for word in unwanted:
                    self.assertNotIn(word, words)


if __name__ == '__main__':
    if MISSING:
        print('skipped: %s not here, so its completion was not tried' % ', '.join(MISSING))
    sys.exit(unittest.main())
