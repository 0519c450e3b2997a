"""Runs all boots, one on each processor at a time. See tests/appliance.sh."""

import os
import re
import signal
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed

from .boot import BOOTS_FOLDER, run_apart
from .boots import AMD64, ARM64, boots_with
from .commands import CommandError
from .debian import Archive

SUMMARY = re.compile(r'^(\d+) passed, (\d+) failed$', re.M)


def main(words):
    # SIGTERM ends this process at once; the kernel then ends the boots, see boot.run_apart.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    chosen = boots_with(words)
    problem = missing_need() or (None if chosen else f'no boot has all of these words: {" ".join(words)}')
    if problem:
        print(f'appliance: {problem}', file=sys.stderr)
        return 1
    BOOTS_FOLDER.mkdir(parents=True, exist_ok=True)
    for report in BOOTS_FOLDER.glob('*.report'):
        report.unlink()
    passed, failed = run_boots(chosen)
    print(f'\n{passed} passed, {failed} failed')
    return 0 if passed and not failed else 1


def missing_need():
    """Returns a message about the first missing requirement of the boots, or None."""
    if os.geteuid() != 0:
        return 'network namespaces need root'
    for arch in (ARM64, AMD64):
        if not os.access(arch.dist / 'corexdp', os.X_OK):
            return f'{arch.dist} has no corexdp; run make dist'
    return None


def run_boots(boots):
    """Prints the report of each boot as it ends; returns the numbers of all passed and failed checks."""
    archive = Archive()
    passed = failed = 0
    with ThreadPoolExecutor(max_workers=len(os.sched_getaffinity(0))) as pool:
        running = {pool.submit(fetch_and_run, archive, boot): boot for boot in boots}
        for future in as_completed(running):
            report = future.result()
            print(f'\n== {running[future].title}\n{report}', end='', flush=True)
            summary = SUMMARY.search(report)
            # A boot without a summary is one failure.
            passed += int(summary[1]) if summary else 0
            failed += int(summary[2]) if summary else 1
    return passed, failed


def fetch_and_run(archive, boot):
    try:
        archive.fetch(boot)
    except CommandError as error:
        return f'  FAILED  no kernel, so no boot: {error}\n'
    return run_apart(boot).read_text(errors='replace')


sys.exit(main(sys.argv[1:]))
