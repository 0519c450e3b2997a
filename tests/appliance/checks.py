"""The checks of every machine.

`once` is for actions, and for states that an action has reached when it returns. `until` is for all other states.
"""

from .chains import check_chains
from .outside import ALLOWED, DENIED, flood
from .systemd import check_states, check_unit
from .tables import check_tables

# Names, and their shares of the queries in percent.
FLOOD = {'a.flood.example': 70, 'b.flood.example': 20, 'c.flood.example': 10}
DROPPED = 'coredns_ebpf_acl_dropped_packets'


def check_device(device, report):
    """Runs all checks of a device that has just started. Later checks need the state of earlier checks."""
    check_start(device, report)
    if device.boot.has_all_drivers:
        return check_neighbour(device, report)
    if device.boot.memory < 256:
        # Later, the files of the checks leave too little of 64 MiB.
        report.once('this kernel accepts acl', accepts_acl_alone, device)
    check_traffic(device, report)
    check_samples(device, report)
    check_top(device, report)
    check_reload(device, report)
    check_programs(device, report)
    check_kernel_types(device, report)
    check_chains(device, report)
    check_service(device, report)
    if device.boot.init == 'systemd':
        check_states(device, report)
    if device.boot.has_lists:
        check_tables(device, report)
    if device.boot.memory >= 256:
        report.once('a program gets the offset of a clock that is set', device.follows_wall_clock)
    report.once('nothing ran out of memory', device.inside, '! dmesg | grep -i "out of memory"')


def accepts_acl_alone(device):
    """The verifier of Linux 5.10 takes 5 MiB for acl, which a second daemon may not find."""
    return device.service('stop') and device.accepts_program('acl') and device.service('start')


def check_start(device, report):
    mode = device.boot.mode
    report.once('every filter is attached when the next service starts', device.inside, 'test -s /run/attached-after')
    report.once('the root with the Corefile is a read-only squashfs', root_is_read_only, device)
    report.once('the files of corexdp are those of its package', device.has_installed_files)
    if device.boot.init == 'systemd':
        check_unit(device, report)
    report.until('the kernel has an XDP link of the daemon on both interfaces', device.has_links)
    report.until(f'eth0 (virtio_net) is attached in {mode} mode', device.is_attached, 'eth0', mode)
    if mode != 'native':
        report.until('the log says why eth0 is not in native mode', device.log_has,
                     'eth0: native mode refused: .*[a-z]')
    report.until('lan0 (veth) is attached in native mode', device.is_attached, 'lan0', 'native')


def check_neighbour(device, report):
    """Checks guard on links with and without Ethernet headers, each with a real peer."""
    for link in ('terminal', 'session', 'tunnel'):
        report.once(f'the {link} is connected to the neighbour', device.inside, f'neighbour {link}')
    report.once('guard is started on all links', device.inside, 'neighbour filter')
    for interface, mode in (('ppp0', 'generic'), ('ppp1', 'generic'), ('wan1', 'native'), ('wg0', 'generic')):
        report.once(f'{interface} is in {mode} mode', device.inside,
                    f'grep "^{interface}: attached .* in {mode} mode" /run/neighbour/log')
    for interface in ('ppp0', 'ppp1', 'wan1', 'wg0'):
        for family in ('4', '6'):
            report.once(f'IPv{family} at {interface}: guard passes an allowed host and drops a denied host',
                        device.inside, f'neighbour verify {interface} {family}')
    report.once('ppp0 is filtered after pppd reconnects', device.inside, 'neighbour reconnect')


def root_is_read_only(device):
    return (device.inside('grep "^/dev/[^ ]* / squashfs ro" /proc/mounts')
            and device.inside('touch /etc/corexdp/Corefile').denied())


def check_traffic(device, report):
    # The DNS server may still be starting.
    report.until('outside: 192.0.2.10 gets an answer', device.answers, ALLOWED)
    report.until('outside: 192.0.2.66 gets no answer', device.ignores, DENIED)
    report.once('outside: 192.0.2.10 still gets an answer', device.answers, ALLOWED)
    report.until('the page, from outside, counts the dropped packet', device.sample_is, DROPPED, 1)
    report.until('inside: a host at lan0 gets an answer', device.inside,
                 'nsenter -t $(cat /run/host.pid) -n nslookup -type=a www.example 198.51.100.1 | grep 198.51.100.80')
    report.until('the page, from inside, counts the query of that host', device.inside,
                 'wget -q -O - http://127.0.0.1:9153/metrics | grep "^coredns_ebpf_lan_dns_packets 1$"')


def check_samples(device, report):
    """Packets are captured with their verdict, by a client of the daemon."""
    report.once('capture starts', device.inside,
                'corexdp capture -i eth0 --verdict pass </dev/null >/run/captured 2>&1 & echo $! >/run/capture.pid')
    report.until('capture shows a query of 192.0.2.10, with its verdict', device.captures_query)
    report.once('capture ends', device.inside, 'kill $(cat /run/capture.pid)')
    report.until('no sample was lost', device.inside, 'tail -n 1 /run/captured | grep ", 0 lost"')


def check_top(device, report):
    """The shares of `top` are those of the queries sent."""
    report.once('top starts', device.inside,
                'corexdp top -i eth0 --for 25s --json </dev/null >/run/top 2>&1 & echo $! >/run/top.pid')
    report.until('top has the samples for itself', device.inside,
                 'corexdp capture -c 1 --for 1s 2>&1 | grep "samples already"')
    report.once('outside: 1000 queries are sent', flood, FLOOD, 1000, 10)
    report.until('top has ended', device.inside, '! kill -0 $(cat /run/top.pid) && test -s /run/top')
    report.once('top gives each name its share within 2 points', device.top_shows, FLOOD)


def check_reload(device, report):
    """A reload keeps counters, filters and process, whether it succeeds or fails."""
    report.once('reload succeeds in the same daemon', device.reloads, 'success', 1)
    report.until('the log says that the reload is done', device.log_has, 'reload: done')
    report.until('the kernel has its XDP links', device.has_links)
    report.until('outside: 192.0.2.66 gets no answer, 192.0.2.10 does', device.filters_as_configured)
    report.until('the counters of the page go on', device.sample_is, DROPPED, 2)

    report.once('a wrong Corefile replaces the Corefile', device.put_wrong_corefile)
    report.once('reload fails in the same daemon', device.reloads, 'failure', 1)
    report.until('the log has the error', device.log_has, 'reload: .*Corefile:2: ebpf: ')
    report.until('the kernel has its XDP links', device.has_links)
    report.until('outside: 192.0.2.66 gets no answer, 192.0.2.10 does', device.filters_as_configured)
    report.until('the counters of the page go on', device.sample_is, DROPPED, 3)
    report.once('reload succeeds with the restored Corefile', reloads_right_corefile, device)


def reloads_right_corefile(device):
    return device.put_right_corefile() and device.reloads('success', 2)


def check_programs(device, report):
    """The verifier of this kernel accepts each shipped program.

    In 64 MiB, a second daemon has too little memory for the verifier of the largest program.
    """
    if device.boot.memory < 256:
        return
    for program in sorted(device.boot.arch.dist.glob('*.o')):
        report.once(f'this kernel accepts {program.stem}', device.accepts_program, program.stem)


def check_kernel_types(device, report):
    """Reading the types of a kernel takes 20 MiB."""
    if device.boot.memory >= 256:
        report.once('a program gets the types of this kernel', device.resolves_kernel_types)


def check_service(device, report):
    """Checks stop, start and restart. Leaves the daemon stopped, with a wrong Corefile."""
    report.once('after SIGKILL another daemon attaches', device.replaces_daemon_after, 'KILL')
    report.until('the kernel has its XDP links', device.has_links)
    report.until('outside: 192.0.2.66 gets no answer', device.ignores, DENIED)
    report.until('the counters start at 0', device.sample_is, DROPPED, 1)

    report.once('stop succeeds', device.service, 'stop')
    report.once('stop returns after the processes have ended', device.has_no_process)
    report.until('outside: 192.0.2.66 gets an answer', device.answers, DENIED)
    report.once('start succeeds', device.service, 'start')
    report.once('start returns after the filters are attached', device.has_links)
    report.until('outside: 192.0.2.66 gets no answer', device.ignores, DENIED)
    report.once('restart succeeds', device.service, 'restart')
    report.until('outside: 192.0.2.66 gets no answer, 192.0.2.10 does', device.filters_as_configured)
    report.once('start fails with a wrong Corefile', refuses_wrong_corefile, device)
    report.until('the log has the error', device.log_has, 'Corefile:2: ebpf: ')


def refuses_wrong_corefile(device):
    return (device.service('stop') and device.put_wrong_corefile() and device.service('start').denied()
            and device.has_no_process())
