"""An emulated machine: process, console and network card.

A machine that has ended or hangs is lost, and each later question fails at once.
"""

import subprocess
from dataclasses import dataclass

from .console import Console, ConsoleError

# Seconds after which a machine counts as hanging, on a busy host.
BOOT_LIMIT = 600
COMMAND_LIMIT = 600
LAST_LINES = 25


@dataclass(frozen=True)
class Card:
    """A virtio network card."""

    queues: int = 1  # pairs
    options: str = ''


CARDS = {
    'plain': Card(),
    # The second pair of queues is free for XDP.
    'twin': Card(queues=2, options=',mq=on'),
    # The host merges packets and does not let the driver disable this, so the driver refuses native XDP.
    'rigid': Card(options=',ctrl_guest_offloads=off'),
}


class MachineLost(Exception):
    """The machine has ended or hangs; the message has the last lines of its console."""


class Machine:
    """An emulated machine. The emulator ends with the `with` block, or with this process: see boot.run_apart."""

    def __init__(self, boot, image, folder):
        self._folder = folder
        self._loss = None
        with open(folder / 'emulator.log', 'wb') as log:
            self._process = subprocess.Popen(
                emulator_command(boot, image, folder / 'console.log'),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
            )
        self._console = Console(self._process.stdin, self._process.stdout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()

    def wait_until_ready(self):
        """Waits for the console, which the machine starts last."""
        self._ask(self._console.wait_until_ready, BOOT_LIMIT)

    def run(self, command):
        """Runs a shell command in the machine."""
        return self._ask(self._console.run, command, COMMAND_LIMIT)

    def must_run(self):
        """Raises MachineLost if the machine has ended, because an unanswered query then proves nothing."""
        if self._process.poll() is not None:
            self._lose('the emulator ended')

    def _ask(self, question, *arguments):
        if self._loss:
            raise self._loss
        try:
            return question(*arguments)
        except ConsoleError as error:
            self._lose(error)

    def _lose(self, reason):
        # After its end, the emulator has written all of its logs.
        self._process.kill()
        self._process.wait()
        console = (self._folder / 'console.log').read_text(errors='replace').splitlines()[-LAST_LINES:]
        emulator = (self._folder / 'emulator.log').read_text(errors='replace').splitlines()
        header = f'the machine is lost: {reason}; the last lines of its console, and the emulator:'
        self._loss = MachineLost('\n  | '.join([header, *console, *emulator]))
        raise self._loss


def emulator_command(boot, image, console_log):
    """The command line of QEMU, whose standard input and output are the serial console."""
    arch = boot.arch
    card = CARDS[boot.card]
    return [
        *arch.emulator, '-accel', 'tcg', '-m', str(boot.memory), '-smp', '1',
        '-nodefaults', '-display', 'none', '-no-reboot',
        '-kernel', image.kernel, '-initrd', image.initramfs,
        # A panic ends the emulator.
        '-append', f'console={arch.console} panic=-1 systemd.show_status=no',
        '-drive', f'file={image.squashfs},format=raw,readonly=on,if=none,id=root',
        # A short queue: the buffers of a longer queue take megabytes of a machine's 64 MiB.
        '-device', f'virtio-blk-{arch.bus},drive=root,queue-size=16',
        '-netdev', f'tap,id=wan,ifname=wan0,script=no,downscript=no,queues={card.queues}',
        '-device', f'virtio-net-{arch.bus},netdev=wan{card.options}',
        '-chardev', f'stdio,id=console,signal=off,logfile={console_log}', '-serial', 'chardev:console',
    ]
