"""The table of boots."""

from dataclasses import dataclass, fields
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCES = ROOT / 'tests/appliance'
WORK = ROOT / 'target/appliance'


@dataclass(frozen=True)
class Arch:
    """An architecture and its emulated board."""

    name: str  # in Debian
    cpu: str  # in target triples
    emulator: tuple
    bus: str  # of virtio devices
    console: str  # name of the serial port in Linux

    def __str__(self):
        return self.name

    @property
    def dist(self):
        """The folder with the binary and the programs under test."""
        return ROOT / f'dist/{self.cpu}-unknown-linux-musl'


ARM64 = Arch('arm64', 'aarch64', ('qemu-system-aarch64', '-M', 'virt', '-cpu', 'cortex-a53'), 'device', 'ttyAMA0')
AMD64 = Arch('amd64', 'x86_64', ('qemu-system-x86_64', '-M', 'q35', '-cpu', 'qemu64'), 'pci', 'ttyS0')


@dataclass(frozen=True)
class Boot:
    """One emulated machine."""

    arch: Arch
    kernel: str  # with -full, Debian's kernel with all drivers
    memory: int  # MiB
    card: str  # a key of machine.CARDS
    mode: str  # the XDP mode that the card's driver allows
    init: str
    package: str  # a key of packages.INSTALL: the package whose install commands make the image

    @property
    def words(self):
        """The row of the table, as words."""
        return [str(getattr(self, field.name)) for field in fields(self)]

    @property
    def has_all_drivers(self):
        return self.kernel.endswith('-full')

    @property
    def has_lists(self):
        """Long lists are for routers: arm64, as most of them, and memory for acl and 100,000 networks, see BOOTS."""
        return self.arch is ARM64 and self.memory >= 80

    @property
    def name(self):
        """The name of the boot's files in target/appliance/boots/."""
        return '-'.join(self.words)

    @property
    def title(self):
        return (f'Linux {self.kernel} on {self.arch}, {self.memory} MiB, a {self.card} network card, {self.init}, '
                f'{self.package}')


# Debian's amd64 kernel does not start in 64 MiB: it unpacks itself at 16 MiB and takes 51.5 MiB from there.
# Debian's arm64 kernel keeps 36 MiB for itself. Of 80 MiB it leaves 44, less than a router's kernel leaves of 64. A list of
# 100,000 networks takes 13 MiB while the daemon reads it, and of 64 MiB Debian's kernel has just these. The verifier of
# Linux 5.10 needs more than that of later kernels: with 64 MiB a start had sometimes too little for the page.
BOOTS = (
    Boot(AMD64, '6.1',  256, 'twin',  'native',  'systemd', 'buildroot'),
    Boot(AMD64, '6.12', 256, 'twin',  'native',  'systemd', 'yocto'),
    Boot(ARM64, '5.10', 256, 'twin',  'native',  'sysv', 'buildroot'),
    Boot(ARM64, '5.10',  72, 'plain', 'native',  'sysv', 'buildroot'),
    Boot(ARM64, '6.1',  256, 'twin',  'native',  'sysv', 'buildroot'),
    Boot(ARM64, '6.1',   64, 'plain', 'native',  'sysv', 'buildroot'),
    Boot(ARM64, '6.1',   80, 'rigid', 'generic', 'sysv', 'buildroot'),
    Boot(ARM64, '6.12', 256, 'twin',  'native',  'sysv', 'buildroot'),
    Boot(ARM64, '6.12',  64, 'plain', 'native',  'sysv', 'buildroot'),
    Boot(AMD64, '6.1',  256, 'twin',  'native',  'sysv', 'buildroot'),
    Boot(AMD64, '6.1',   80, 'plain', 'native',  'sysv', 'buildroot'),
    Boot(AMD64, '6.1-full', 256, 'plain', 'native',  'sysv', 'buildroot'),
)


def boots_with(words):
    """The boots whose rows have all these words."""
    return [boot for boot in BOOTS if set(words) <= set(boot.words)]
