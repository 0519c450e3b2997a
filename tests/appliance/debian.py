"""Kernels, BusyBox and systemd of both architectures, from Debian's packages.

apt uses its own configuration in target/appliance/apt, so the configuration of this machine does not change.
"""

import os
import re
import shutil
import sys
import tempfile
import threading
from pathlib import Path

from .boots import WORK
from .commands import CommandError, run

KEY = '/usr/share/keyrings/debian-archive-keyring.gpg'
SUITES = ('bookworm', 'bookworm-backports', 'bullseye')
SECURITY_SUITES = ('bookworm-security', 'bullseye-security')
APT_CONF = '''\
Dir::State "{apt}";
Dir::State::status "{apt}/status";
Dir::Cache "{apt}";
Dir::Etc::sourcelist "{apt}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Architectures {{ "amd64"; "arm64"; }};
APT::Sandbox::User "root";
Acquire::Languages "none";
'''


def busybox_folder(arch):
    return WORK / f'unpacked/busybox-{arch}'


def systemd_folder(arch):
    return WORK / f'unpacked/systemd-{arch}'


def neighbour_folder(arch):
    return WORK / f'unpacked/neighbour-{arch}'


def kernel_folder(arch, version):
    return WORK / f'unpacked/linux-{version}-{arch}'


class Archive:
    """Debian's archive. Only one thread at a time fetches packages."""

    def __init__(self):
        self._lock = threading.Lock()
        self._apt = None

    def fetch(self, boot):
        """Unpacks the packages that the boot needs, unless an earlier run did."""
        with self._lock:
            self._fetch_once(busybox_folder(boot.arch), self._unpack, f'busybox-static:{boot.arch}')
            self._fetch_once(kernel_folder(boot.arch, boot.kernel), self._unpack_kernel, boot.arch, boot.kernel)
            if boot.init == 'systemd':
                self._fetch_once(systemd_folder(boot.arch), self._unpack_tree, boot.arch, 'systemd')
            if boot.has_all_drivers:
                self._fetch_once(neighbour_folder(boot.arch), self._unpack_tree, boot.arch,
                                 'iproute2', 'ppp', 'pppoe', 'wireguard-tools')

    def _fetch_once(self, folder, unpack, *what):
        if folder.is_dir():
            return
        self._apt = self._apt or Apt()
        (WORK / 'unpacked').mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=WORK) as scratch:
            unpack(Path(scratch), *what)
            # A folder in target/appliance/unpacked/ is complete.
            (Path(scratch) / 'root').rename(folder)

    def _unpack(self, scratch, package):
        self._apt.run('get', 'download', package, cwd=scratch)
        for archive in scratch.glob('*.deb'):
            run('dpkg-deb', '-x', archive, scratch / 'root')

    def _unpack_kernel(self, scratch, arch, version):
        """Unpacks the newest kernel of `version` that the mirror has: its list may name removed files."""
        failure = None
        for package in self._apt.kernels(arch, version):
            try:
                return self._unpack(scratch, package)
            except CommandError as error:
                failure = error
                print(f'appliance: cannot download {package}; trying an older kernel', file=sys.stderr)
        raise failure or CommandError(f'Debian has no kernel {version} for {arch}')

    def _unpack_tree(self, scratch, arch, *packages):
        """Unpacks packages and their dependencies into a merged /usr, as Buildroot and Yocto have it."""
        root = scratch / 'root'
        for name in ('bin', 'sbin', 'lib', 'lib64'):
            (root / 'usr' / name).mkdir(parents=True)
            (root / name).symlink_to(f'usr/{name}')
        (scratch / 'archives/partial').mkdir(parents=True)
        self._apt.run('get', 'install', '-y', '--no-install-recommends', '--download-only',
                      '-o', f'APT::Architecture={arch}', '-o', f'Dir::Cache::archives={scratch}/archives',
                      *(f'{package}:{arch}' for package in packages))
        for archive in sorted((scratch / 'archives').glob('*.deb')):
            run('tar', '-x', '--keep-directory-symlink', '-C', root, input=run('dpkg-deb', '--fsys-tarfile', archive))
        for unused in (root / 'usr/share', root / 'var', *root.glob('usr/lib/*/gconv')):
            shutil.rmtree(unused)


class Apt:
    """apt with its own configuration and current package lists."""

    def __init__(self):
        folder = WORK / 'apt'
        (folder / 'lists/partial').mkdir(parents=True, exist_ok=True)
        (folder / 'archives/partial').mkdir(parents=True, exist_ok=True)
        (folder / 'status').write_text('')
        (folder / 'sources.list').write_text(sources_list())
        (folder / 'apt.conf').write_text(APT_CONF.format(apt=folder))
        self._environment = {**os.environ, 'APT_CONFIG': str(folder / 'apt.conf')}
        self.run('get', 'update')

    def run(self, command, *arguments, cwd=None):
        return run(f'apt-{command}', '-q', *arguments, cwd=cwd, env=self._environment).decode()

    def kernels(self, arch, version):
        """Names of the kernel packages whose versions begin with `version`, newest first."""
        number = version.removesuffix('-full')
        flavour = f'linux-image-{arch}:{arch}' if version != number else f'linux-image-cloud-{arch}:{arch}'
        for line in self.run('cache', 'madison', flavour).splitlines():
            release = line.split('|')[1].strip()
            if release.startswith(f'{number}.'):
                shown = self.run('cache', 'show', f'{flavour}={release}')
                for name in re.findall(r'^Depends: (linux-image-[^ ,]*)', shown, re.M):
                    yield f'{name}:{arch}'


def sources_list():
    main = os.environ.get('DEBIAN_MIRROR') or mirror(r'[a-z]*')
    security = os.environ.get('DEBIAN_SECURITY_MIRROR') or mirror(r'[a-z]*-security')
    if not main or not security:
        raise CommandError('this machine has no sources of Debian; set DEBIAN_MIRROR and DEBIAN_SECURITY_MIRROR')
    options = f'[arch=amd64,arm64 signed-by={KEY}]'
    lines = [f'deb {options} {main} {suite} main' for suite in SUITES]
    lines += [f'deb {options} {security} {suite} main' for suite in SECURITY_SUITES]
    return '\n'.join(lines) + '\n'


def mirror(codename):
    """The URL of this machine's first Debian source whose codename matches the pattern `codename`."""
    targets = run('apt-get', 'indextargets', '--format', '$(CODENAME) $(REPO_URI)',
                  'Created-By: Packages', 'Origin: Debian').decode()
    for line in targets.splitlines():
        name, address = line.split(' ', 1)
        if re.fullmatch(codename, name):
            return address
    return None
