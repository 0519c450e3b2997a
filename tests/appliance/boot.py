"""One boot: makes the image, starts the machine, checks it. The last line is `N passed, N failed`.

Started by run_apart as `python3 -m appliance.boot NAME`.
"""

import shutil
import subprocess
import sys

from .boots import BOOTS, SOURCES, WORK
from .checks import check_device
from .commands import CommandError
from .device import Device
from .image import make_image
from .machine import Machine, MachineLost
from .outside import make_network
from .packages import PackageError
from .report import Report

BOOTS_FOLDER = WORK / 'boots'


def run_apart(boot):
    """Runs one boot in a process with its own namespaces, and returns the path of its report.

    The kernel cleans up: all processes of the boot are in one PID namespace and its devices in one network namespace.
    Both namespaces end with this process, even after SIGKILL.
    """
    path = BOOTS_FOLDER / f'{boot.name}.report'
    with open(path, 'wb') as report:
        subprocess.run(
            ['setpriv', '--pdeathsig', 'KILL', 'unshare', '--net', '--pid', '--fork', '--kill-child=KILL',
             sys.executable, '-B', '-m', __name__, boot.name],
            stdin=subprocess.DEVNULL, stdout=report, stderr=report, cwd=SOURCES.parent, check=False,
        )
    return path


def run_boot(boot):
    folder = BOOTS_FOLDER / boot.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    report = Report()
    try:
        image = make_image(boot, folder)
        make_network(boot)
    except (CommandError, PackageError) as error:
        print(f'  FAILED  no image, so no boot: {error}')
        return False
    with Machine(boot, image, folder) as machine:
        device = Device(machine, boot, image.installed)
        try:
            machine.wait_until_ready()
            print_figures(device)
        except MachineLost:
            # The first check reports the lost machine.
            pass
        check_device(device, report)
    print(report.summary())
    return report.failed == 0


def print_figures(device):
    """Prints the uptime at which the filters were attached, and the memory of the processes (PSS)."""
    release = device.inside('uname -r').text
    seconds = device.inside('cat /run/attached-after').text
    sizes = device.inside('for pid in $(pidof corexdp); do grep ^Pss: /proc/$pid/smaps_rollup; done').text
    memory = sum(int(line.split()[1]) for line in sizes.splitlines())
    print(f'  {release}: attached {seconds} s after the kernel started; daemon and worker take {memory} KiB')
    refusal = device.log_has('native mode refused')
    if refusal:
        print(f'  {refusal.text[refusal.text.rindex("eth0"):]}')
    if device.boot.init == 'systemd':
        version = device.inside('systemctl --version | head -n 1').text
        exposure = device.inside('systemd-analyze --no-pager security corexdp | tail -n 1').text
        print(f'  {version}; {exposure.partition(" ")[2]}')


if __name__ == '__main__':
    sys.stdout.reconfigure(line_buffering=True)
    chosen = next(boot for boot in BOOTS if boot.name == sys.argv[1])
    sys.exit(not run_boot(chosen))
