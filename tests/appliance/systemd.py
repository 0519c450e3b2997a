"""The checks of a machine with systemd: the options of the unit take effect."""

from .device import DAEMON_LIMIT
from .outcome import Outcome, ask_until
from .outside import ALLOWED, DENIED

UNIT = ('/lib/systemd/system/corexdp.service', '', 'enabled')


def check_unit(device, report):
    """Runs the checks that precede any action on the daemon."""
    report.once('systemd is the first process', device.inside, 'readlink /proc/1/exe | grep /systemd$')
    report.until('systemd accepts every option of the unit', options_are_accepted, device)
    report.once('the unit of the package is enabled', unit_is_enabled, device)
    report.once('named, ordered only by the unit of corexdp, starts after corexdp', started_before, device,
                'corexdp', 'named')
    report.until('the processes are confined by the unit', processes_are_confined, device)
    report.until('corexdp status, through its socket, lists eth0', device.inside, 'corexdp status | grep eth0')


def options_are_accepted(device):
    return (device.inside('log >/tmp/log && test -s /tmp/log')
            and device.inside('grep -E "corexdp[.]service:[0-9]+:|Unknown (key|section)" /tmp/log').denied())


def unit_is_enabled(device):
    shown = device.inside('systemctl show -P FragmentPath -P DropInPaths -P UnitFileState corexdp')
    # Debian's systemd prints the path with or without /usr.
    return shown and Outcome(shown.text.removeprefix('/usr').split('\n') == list(UNIT), shown.text)


def started_before(device, first, second):
    """Unit `first` was active before unit `second` began to start."""
    return device.inside(f'test $(systemctl show -P ActiveEnterTimestampMonotonic {first}) -le '
                         f'$(systemctl show -P InactiveExitTimestampMonotonic {second})')


def processes_are_confined(device):
    """None of the three processes can gain a privilege, or make a system call outside of the unit's list."""
    return confined(device, 'NoNewPrivs:.1') and confined(device, 'Seccomp:.2')


def confined(device, pattern):
    return device.inside(f"grep -l '{pattern}' $(pidof corexdp | sed 's,[0-9]*,/proc/&/status,g') | wc -l").says('3')


def check_states(device, report):
    """Runs the checks that follow a start with a wrong Corefile."""
    report.once('systemd does not restart a daemon with a wrong Corefile', is_not_retried, device)
    report.once('start succeeds with the restored Corefile', starts_with_right_corefile, device)
    report.once('the unit is activating while an interface is down', is_starting_while_down, device)
    report.once('the unit is active after its filters are attached', is_active_once_up, device)
    report.once('the watchdog replaces a daemon that hangs', device.replaces_daemon_after, 'STOP')
    report.until('the log names the watchdog', device.log_has, 'Watchdog timeout')
    report.until('the kernel has its XDP links', device.has_links)
    report.once('with exit hold the filter stays without a daemon', holds_filter, device)
    report.once('the next daemon adopts the filter with its counters', adopts_filter, device)
    report.once('a held filter ends when its pins are removed', ends_held_filter, device)
    report.once('a stop of an activating unit leaves nothing behind', leaves_nothing_behind, device)


def is_active(device):
    return device.inside('systemctl is-active corexdp').says('active')


def restarts(device):
    return device.inside('systemctl show -P NRestarts corexdp')


def is_not_retried(device):
    """The wait is longer than RestartSec=1, after which systemd restarts the daemon for other failures."""
    before = restarts(device)
    return (before and device.inside('sleep 4') and restarts(device).says(before.text)
            and device.inside('systemctl is-failed corexdp'))


def starts_with_right_corefile(device):
    return device.put_right_corefile() and device.service('start') and device.has_links()


def is_starting_while_down(device):
    def starts():
        return device.inside('systemctl show -P SubState corexdp').says('start')

    return (device.inside('systemctl stop corexdp; ip link set lan0 down; systemctl start --no-block corexdp')
            and ask_until(starts, DAEMON_LIMIT)
            and is_activating(device.inside('sleep 2; systemctl is-active corexdp')))


def is_activating(state):
    # `systemctl is-active` fails in every state except active.
    return Outcome(state.text == 'activating', state.text)


def is_active_once_up(device):
    return (device.inside('ip link set lan0 up') and ask_until(lambda: is_active(device), DAEMON_LIMIT)
            and device.has_links())


def holds_filter(device):
    return (device.inside(r'sed "s/^ *if .*/&\nexit hold/; s,\.\./\.\./usr,/usr," /etc/corexdp/Corefile >/tmp/hold &&'
                          ' mount -o bind /tmp/hold /etc/corexdp/Corefile')
            and device.service('restart') and device.ignores(DENIED)
            and device.service('stop') and device.has_no_process()
            and device.ignores(DENIED) and device.answers(ALLOWED))


def adopts_filter(device):
    def counter_goes_on():
        return device.sample_is('coredns_ebpf_acl_dropped_packets', 2)

    return device.service('start') and device.has_links() and ask_until(counter_goes_on, DAEMON_LIMIT)


def ends_held_filter(device):
    return (device.service('stop') and device.put_right_corefile() and device.inside('rm -r /sys/fs/bpf/corexdp')
            and ask_until(lambda: device.answers(DENIED), DAEMON_LIMIT))


def leaves_nothing_behind(device):
    return (is_starting_while_down(device) and device.service('stop') and device.has_no_process()
            and device.inside('ip link set lan0 up') and ask_until(lambda: device.answers(DENIED), DAEMON_LIMIT))
