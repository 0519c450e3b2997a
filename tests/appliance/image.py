"""Makes an image as a vendor does: a kernel, an initramfs that mounts the root, and a read-only squashfs root.

The root has the files of a package, a Corefile and the console of the test. The init is BusyBox or systemd.
"""

import gzip
import lzma
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from .boots import SOURCES
from .commands import CommandError, run
from .debian import busybox_folder, kernel_folder, neighbour_folder, systemd_folder
from .lists import write_lists
from .packages import install_package, list_installed

# Applets that the scripts of the image and the checks use.
APPLETS = '''
    sh mount umount dmesg syslogd ip insmod unshare nsenter sleep readlink cut cat echo rm sed grep tr setsid
    start-stop-daemon stty wget nslookup printf touch kill ps test timeout seq pidof free stat find xargs mkdir head
    tail wc ping arp cp awk sync
'''.split()
# Units of the image besides the package's unit.
UNITS = ('corexdp.service', 'interfaces.service', 'named.service', 'test-console.service')


@dataclass(frozen=True)
class Image:
    """The files that a machine boots from, and the list of corexdp's files in the root."""

    kernel: Path
    initramfs: Path
    squashfs: Path
    installed: list


def make_image(boot, folder):
    """Makes the image of a boot in `folder`."""
    linux = kernel_folder(boot.arch, boot.kernel)
    scratch = folder / 'scratch'
    scratch.mkdir()
    make_initramfs(boot, linux, scratch / 'initramfs', folder / 'initramfs')
    package = scratch / 'package'
    install_package(boot.package, boot.init, boot.arch.dist / 'corexdp', boot.arch.dist, package)
    make_squashfs(boot, linux, package, scratch / 'root', folder / 'squashfs')
    installed = list_installed(package)
    shutil.rmtree(scratch)
    return Image(next(linux.glob('boot/vmlinuz-*')), folder / 'initramfs', folder / 'squashfs', installed)


def make_initramfs(boot, linux, root, target):
    for name in ('bin', 'dev', 'root'):
        (root / name).mkdir(parents=True)
    install_busybox(boot, root, ['sh'])
    shutil.copy(SOURCES / 'initramfs-init', root / 'init')
    install_modules(linux, root / 'modules', 'virtio_mmio', 'virtio_pci', 'virtio_blk', 'squashfs')
    names = '\n'.join(['.', *(str(path.relative_to(root)) for path in sorted(root.rglob('*')))])
    archive = run('cpio', '--quiet', '-o', '-H', 'newc', '-R', '0:0', cwd=root, input=names.encode())
    target.write_bytes(gzip.compress(archive))


def make_squashfs(boot, linux, package, root, target):
    (make_neighbour_base if boot.has_all_drivers else MAKE_BASE[boot.init])(boot, root)
    # tar keeps the owners and modes of the package. Folders of the base may be symbolic links.
    run('tar', '-x', '--keep-directory-symlink', '--no-overwrite-dir', '-p', '-C', root,
        input=run('tar', '-c', '-C', package, '.'))
    for files in ('common', boot.init, *(['neighbour'] if boot.has_all_drivers else [])):
        run('cp', '-R', '-T', SOURCES / 'rootfs' / files, root)
    for name in ('dns', 'verifier'):
        make_tool(boot.arch, name, root / f'usr/sbin/{name}')
    make_object('fixed_types', root / 'usr/lib/kernel_types.o', '-DKERNEL_TYPES')
    make_object('stage', root / 'usr/lib/stage.o')
    make_object('stage', root / 'usr/lib/calls.o', '-DCALLS')
    if boot.has_lists:
        write_lists(boot, root / 'usr/share/lists')
    install_modules(linux, root / 'lib/modules', 'virtio_net', 'veth', *more_modules(boot))
    if boot.init == 'systemd':
        # Buildroot and Yocto also enable units last. The names of init scripts give their order.
        run('systemctl', '--quiet', f'--root={root}', 'enable', *UNITS)
    # Small blocks: caches of larger blocks take megabytes of a machine's 64 MiB.
    run('mksquashfs', root, target, '-noappend', '-quiet', '-no-progress', '-comp', 'xz', '-b', '32K')


def more_modules(boot):
    """Modules for links without Ethernet header, where the machine has the memory for them."""
    if boot.has_all_drivers:
        yield from ('ppp_async', 'pppoe')
    if boot.memory >= 256:
        yield 'wireguard'


def make_sysv_base(boot, root):
    for name in ('bin', 'dev', 'etc', 'lib', 'proc', 'sbin', 'sys', 'run', 'tmp', 'var', 'usr/sbin'):
        (root / name).mkdir(parents=True)
    (root / 'var/run').symlink_to('../run')
    install_busybox(boot, root, APPLETS)
    (root / 'sbin/init').symlink_to('../bin/busybox')


def copy_base(boot, tree, root):
    """Copies a root from Debian, and adds BusyBox."""
    run('cp', '-R', tree, root)
    for name in ('dev', 'etc', 'proc', 'sys', 'run', 'tmp', 'var'):
        (root / name).mkdir(exist_ok=True)
    install_busybox(boot, root, APPLETS)


def make_neighbour_base(boot, root):
    copy_base(boot, neighbour_folder(boot.arch), root)
    (root / 'var/run').symlink_to('../run')
    (root / 'sbin/init').symlink_to('../bin/busybox')


def make_systemd_base(boot, root):
    copy_base(boot, systemd_folder(boot.arch), root)
    (root / 'sbin/init').symlink_to('../lib/systemd/systemd')


MAKE_BASE = {'sysv': make_sysv_base, 'systemd': make_systemd_base}


def install_busybox(boot, root, applets):
    """Installs BusyBox, with links for the applets that the root lacks."""
    shutil.copy(busybox_folder(boot.arch) / 'bin/busybox', root / 'bin')
    for applet in applets:
        if not os.path.lexists(root / 'bin' / applet):
            (root / 'bin' / applet).symlink_to('busybox')


def install_modules(linux, folder, *names):
    """Puts modules and their dependencies into `folder`, with a list of the order in which they load."""
    folder.mkdir(parents=True)
    modules = {}
    for name in names:
        collect_module(linux, name, modules)
    for file, content in modules.items():
        (folder / file).write_bytes(content)
    if not modules:
        raise CommandError(f'{linux} has none of the modules {", ".join(names)}')
    (folder / 'order').write_text(''.join(f'{file}\n' for file in modules))


def collect_module(linux, name, modules):
    """Adds a module to `modules`, after its dependencies. A module that is built into the kernel has no file."""
    file = next((linux / 'lib/modules').rglob(f'{name}.ko*'), None)
    if file is None or f'{name}.ko' in modules:
        return
    content = lzma.decompress(file.read_bytes()) if file.suffix == '.xz' else file.read_bytes()
    for entry in content.split(b'\0'):
        if entry.startswith(b'depends='):
            for needed in filter(None, entry.decode().removeprefix('depends=').split(',')):
                collect_module(linux, needed, modules)
    modules[f'{name}.ko'] = content


def make_object(source, target, *options):
    """Compiles a program of the tests. With KERNEL_TYPES, `fixed_types` has a CO-RE relocation for a type of the kernel."""
    run(os.environ.get('CLANG', 'clang'), '--target=bpf', '-O2', '-g', f'-I/usr/include/{os.uname().machine}-linux-gnu',
        *options, '-c', '-o', target, SOURCES.parent / f'objects/{source}.bpf.c')


def make_tool(arch, name, target):
    run(os.environ.get('CLANG', 'clang'), f'--target={arch.cpu}-linux-gnu', '-O1', '-Wall', '-Wextra', '-Werror',
        '-ffreestanding', '-fno-stack-protector', '-nostdlib', '-static', '-fuse-ld=lld',
        '-o', target, SOURCES / f'{name}.c')
