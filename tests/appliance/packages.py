#!/usr/bin/env python3
"""Installs files from dist/ by the install commands of the packages for Buildroot and Yocto.

Usage: tests/appliance/packages.py buildroot|yocto sysv|systemd BINARY OBJECTS

Lists the installed files: mode, owner, path. OBJECTS is a folder with the XDP programs.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
RECIPE_FOLDER = Path('yocto-layer/meta-corexdp/recipes-connectivity/corexdp')

# Variables of bitbake that the recipe's commands use.
YOCTO_FOLDERS = {
    'sbindir': '/usr/sbin',
    'sysconfdir': '/etc',
    'datadir': '/usr/share',
    'mandir': '/usr/share/man',
    'nonarch_libdir': '/usr/lib',
    'systemd_system_unitdir': '/usr/lib/systemd/system',
}


class PackageError(Exception):
    """The commands of a package failed, or have an unknown form."""


def install_package(package, init, binary, objects, root):
    """Installs the daemon `binary` and the programs in the folder `objects` into the folder `root`."""
    root = Path(root).resolve()
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as build:
        INSTALL[package](init, Path(binary), Path(objects), Path(build), root)


def install_buildroot(init, binary, objects, build, root):
    lay_out(build, 'target/target/release/corexdp', binary, objects)
    run_make(f'BUILD={build}', f'TARGET_DIR={root}', f'INIT={init.upper()}', 'install')
    # Buildroot applies the table of permissions before it makes the file system.
    for line in run_make('permissions').splitlines():
        if line.strip():
            path, kind, mode, user, group = line.split()[:5]
            apply_permission(root / path.lstrip('/'), kind, int(mode, 8), int(user), int(group))


def apply_permission(path, kind, mode, user, group):
    if not (path.is_dir() if kind == 'd' else path.is_file()):
        raise PackageError(f'{path}: not of the kind {kind} that the table of permissions says')
    path.chmod(mode)
    os.chown(path, user, group)


def install_yocto(init, binary, objects, build, root):
    """Runs do_install of the recipe, then removes the files of packages that corexdp-image does not name."""
    lay_out(build, 'target/machine/release/corexdp', binary, objects)
    recipe = next((ROOT / RECIPE_FOLDER).glob('corexdp_*.bb')).read_text()
    feature = 'systemd' if init == 'systemd' else 'sysvinit'
    variables = {
        **YOCTO_FOLDERS,
        'PATH': os.environ['PATH'],
        'PN': 'corexdp',
        'B': str(build),
        'D': str(root),
        'S': '.',
        'UNPACKDIR': str(RECIPE_FOLDER / 'files'),
        'CARGO_TARGET_SUBDIR': 'machine/release',
        'COREXDP_OBJECTS': re.search(r'^COREXDP_OBJECTS \?= "(.*)"$', recipe, re.M)[1],
    }
    script = '\n'.join([install_function(recipe, feature), 'do_install', *removals(recipe)])
    run('sh', '-eu', '-c', script, env=variables)
    run('find', root, '-type', 'd', '-empty', '-delete')


def install_function(recipe, feature):
    """Converts do_install to plain shell: each test for a feature, a Python expression, becomes true or false."""
    function = re.search(r'^do_install\(\) \{\n.*?^\}$', recipe, re.M | re.S)[0]
    function = re.sub(
        r"\$\{@bb\.utils\.contains\('DISTRO_FEATURES', '([a-z]*)', 'true', 'false', d\)\}",
        lambda match: 'true' if match[1] == feature else 'false',
        function,
    )
    if '{@' in function:
        raise PackageError('do_install of the recipe has Python that tests/appliance/packages.py does not know')
    return function


def removals(recipe):
    """Commands that remove the files of other packages: of the recipe, of bitbake, of the class bash-completion."""
    others = re.findall(r'^FILES:(?!\$\{PN\}-objects )[^ ]* \+= "(.*)"$', recipe, re.M)
    return [f'rm -r "${{D}}{path}"' for path in (*others, '${mandir}', '${datadir}/bash-completion')]


INSTALL = {'buildroot': install_buildroot, 'yocto': install_yocto}


def lay_out(build, place, binary, objects):
    """Copies the compiled files to the paths where the build of the package puts them."""
    (build / place).parent.mkdir(parents=True)
    shutil.copy(binary, build / place)
    for program in objects.glob('*.o'):
        shutil.copy(program, build)


def run_make(*words):
    """Runs make, independent of a make that started the test."""
    environment = {name: value for name, value in os.environ.items() if name not in ('MAKEFLAGS', 'MAKELEVEL')}
    return run('make', '--no-print-directory', '-f', 'tests/appliance/buildroot.mk', *words, env=environment)


def run(*command, **options):
    """Runs a command from the root of the repository, with the umask of a package build; returns its output."""
    result = subprocess.run(command, cwd=ROOT, umask=0o022, stdout=subprocess.PIPE, text=True, check=False, **options)
    if result.returncode:
        raise PackageError(f'{command[0]} ended with status {result.returncode}')
    return result.stdout


def list_installed(root):
    """Mode, owner and path of each entry of `root`, sorted by path, without folders that every image has."""
    listed = {}
    for path in Path(root).rglob('*'):
        name = f'/{path.relative_to(root)}'
        if path.is_symlink() or not path.is_dir() or '/corexdp' in name:
            entry = path.lstat()
            listed[name] = f'{entry.st_mode & 0o7777:o} {entry.st_uid}:{entry.st_gid} {name}'
    return [listed[name] for name in sorted(listed)]


def main():
    if len(sys.argv) != 5:
        print(__doc__.strip(), file=sys.stderr)
        return 64
    package, init, binary, objects = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        try:
            install_package(package, init, binary, objects, Path(folder) / 'root')
        except PackageError as error:
            print(f'{package}: {error}', file=sys.stderr)
            return 1
        print('\n'.join(list_installed(Path(folder) / 'root')))
    return 0


if __name__ == '__main__':
    sys.exit(main())
