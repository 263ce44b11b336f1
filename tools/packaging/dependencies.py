#!/usr/bin/env python3
"""Prints what a program needs of Debian's packages, as the Depends: line of a package.

    tools/packaging/dependencies.py PROGRAM

For each library the program names itself, the package that holds it says by its symbols file which
version brought each symbol the program uses, or by its shlibs file which version is needed at all:
what dpkg-shlibdeps does, without the packages it comes with.
"""

import os
import re
import subprocess
import sys

INFO = '/var/lib/dpkg/info'
# Called by operation and option names, which no symbol tells: the version built with is the least.
BUILT_WITH = ('libvips.so.',)


def output_of(*command):
    return subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env=dict(os.environ, LC_ALL='C')
    ).stdout


def needed_libraries(program):
    """{library's name: its file} of those the program names itself."""
    named = re.findall(r'^\s*NEEDED\s+(\S+)', output_of('objdump', '-p', program), re.M)
    found = dict(re.findall(r'^\s*(\S+) => (/\S+)', output_of('ldd', program), re.M))
    found.update(
        {os.path.basename(path): path for path in re.findall(r'^\s*(/\S+) \(', output_of('ldd', program), re.M)}
    )
    missing = [name for name in named if name not in found]
    if missing:
        raise SystemExit('libraries that are not here: ' + ', '.join(missing))
    return {name: found[name] for name in named}


def used_symbols(program):
    """Symbols as symbols files write them: name@version, or name@Base."""
    used = set()
    for line in output_of('nm', '-D', '--undefined-only', program).splitlines():
        name, _, version = line.split()[-1].replace('@@', '@').partition('@')
        used.add(name + '@' + (version or 'Base'))
    return used


def package_of(path):
    """The package a library comes from, name:architecture. A merged /usr has two paths for one file,
    and dpkg knows the one the package was made with."""
    real = os.path.realpath(path)
    for tried in (path, real, path.removeprefix('/usr'), '/usr' + path, real.removeprefix('/usr'), '/usr' + real):
        done = subprocess.run(
            ['dpkg', '-S', tried], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False
        )
        for line in done.stdout.splitlines():
            if not line.startswith('diversion '):
                return line.split(': ')[0].split(',')[0]
    raise SystemExit('no package holds ' + path)


def info_lines(package, kind):
    for name in (package, package.split(':')[0]):
        try:
            with open(os.path.join(INFO, name + '.' + kind), encoding='utf-8') as file:
                return file.read().splitlines()
        except FileNotFoundError:
            pass
    return []


def dpkg_newer(a, b):
    return subprocess.run(['dpkg', '--compare-versions', a, 'gt', b], check=False).returncode == 0


def from_symbols(lines, library, used):
    """[(template, version)] for the symbols used; None when the file is silent on this library."""
    templates, versions, inside = [], {}, False
    for line in lines:
        if not line.strip() or line.startswith(('#', '*')):
            continue
        if line[0] not in ' |':
            inside = line.split()[0] == library
            if inside:
                templates = [line.split(None, 1)[1]]
            continue
        if not inside:
            continue
        if line.startswith('|'):
            templates.append(line[1:].strip())
            continue
        symbol, version, *rest = line.split()
        if symbol in used:
            at = int(rest[0]) if rest else 0
            if at not in versions or dpkg_newer(version, versions[at]):
                versions[at] = version
    if not templates:
        return None
    # The first template holds whatever is used.
    return [(templates[at], versions.get(at)) for at in sorted({0} | set(versions))]


def dependency(library, path, used):
    package = package_of(path)
    if library.startswith(BUILT_WITH):
        version = output_of('dpkg-query', '-W', '-f', '${source:Upstream-Version}', package)
        return ['%s (>= %s)' % (package.split(':')[0], version)]
    found = from_symbols(info_lines(package, 'symbols'), library, used)
    if found is not None:
        return [
            re.sub(r'\s*#MINVER#', ' (>= %s)' % version if version else '', template) for template, version in found
        ]
    base, _, number = library.partition('.so.')
    for line in info_lines(package, 'shlibs'):
        if line.split()[:2] == [base, number]:
            return [line.split(None, 2)[2]]
    return [package.split(':')[0]]


def split_entry(text):
    found = re.fullmatch(r'(\S+)(?: \(>= (\S+)\))?', text)
    return (found.group(1), found.group(2)) if found else (text, None)


def dependencies(program):
    """Sorted entries, each package once with the newest version that any of its libraries asks for."""
    used, merged = used_symbols(program), {}
    for library, path in needed_libraries(program).items():
        for entry in ', '.join(dependency(library, path, used)).split(', '):
            name, version = split_entry(entry)
            before = merged.setdefault(name, version)
            if version and (before is None or dpkg_newer(version, before)):
                merged[name] = version
    return [name + (' (>= %s)' % version if version else '') for name, version in sorted(merged.items())]


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print(', '.join(dependencies(sys.argv[1])))
