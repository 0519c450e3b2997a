"""The serial console of a machine. Its other end is rootfs/common/usr/sbin/test-console.

A command goes in as a line `NUMBER COMMAND`. Its output comes back in lines `@NUMBER TEXT`, then its status as
`@NUMBER=STATUS`. All other lines are the machine's own.
"""

import queue
import re
import threading
import time

from .outcome import Outcome

READY = '@ready'
NEW_LINE = re.compile(r'\s*\n\s*')
PANIC = 'Kernel panic - not syncing'


class ConsoleError(Exception):
    """The console no longer answers; the message gives the reason."""


class Console:
    """Runs commands in the machine, one at a time."""

    def __init__(self, to_machine, from_machine):
        self._to_machine = to_machine
        self._lines = queue.Queue()
        self._commands = 0
        threading.Thread(target=self._collect_lines, args=(from_machine,), daemon=True).start()

    def wait_until_ready(self, limit):
        """Waits at most `limit` seconds until the machine has started."""
        for line in self._next_lines(limit):
            if line == READY:
                return

    def run(self, command, limit):
        """Runs a command of the shell. The outcome holds if its status is 0; its text is the output."""
        self._commands += 1
        number = self._commands
        # One line is one command.
        self._send(f'{number} {re.sub(NEW_LINE, " ", command.strip())}\n')
        output = []
        for line in self._next_lines(limit):
            if line.startswith(f'@{number} '):
                output.append(line.removeprefix(f'@{number} '))
            elif line.startswith(f'@{number}='):
                return Outcome(line == f'@{number}=0', '\n'.join(output).rstrip('\n'))

    def _send(self, line):
        try:
            self._to_machine.write(line.encode())
            self._to_machine.flush()
        except BrokenPipeError:
            raise ConsoleError('the emulator ended') from None

    def _collect_lines(self, from_machine):
        for line in from_machine:
            self._lines.put(line.decode(errors='replace').rstrip('\r\n'))
        # None marks the end of the output.
        self._lines.put(None)

    def _next_lines(self, limit):
        """Yields lines as they arrive. Raises ConsoleError after `limit` seconds."""
        deadline = time.monotonic() + limit
        while True:
            try:
                line = self._lines.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                raise ConsoleError(f'no answer for {limit} s') from None
            if line is None:
                raise ConsoleError('the emulator ended')
            if PANIC in line:
                raise ConsoleError('its kernel panicked')
            yield line
