"""Programs of the host."""

import subprocess


class CommandError(Exception):
    """A program failed; the message has its command line and its output."""


def run(*command, **options):
    """Runs a program and returns its standard output; raises CommandError if it fails."""
    command = [str(word) for word in command]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, **options)
    if result.returncode:
        output = (result.stdout + result.stderr).decode(errors='replace')
        raise CommandError(f'{" ".join(command)}: status {result.returncode}\n{output}'.rstrip())
    return result.stdout
