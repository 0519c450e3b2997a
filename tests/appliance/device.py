"""The device under test: a machine that filters DNS queries with corexdp. Each question or action returns an Outcome.

The image has a script for each question that depends on the init system: daemon-pid, log, service (see rootfs/).
"""

import json

from . import outside
from .outcome import Outcome, ask_until
from .outside import ALLOWED, DENIED

# Seconds that the daemon may take to react, on a busy host.
DAEMON_LIMIT = 120
# The watchdog of the unit waits 60 s before it replaces the daemon.
REPLACEMENT_LIMIT = 240

# Shell commands: a second daemon attaches a program to an interface, and ends. Packets of wg0 begin with the IP header,
# for which the verifier examines other instructions.
TRY_PROGRAM = r'''
    rm -rf /run/try; mkdir /run/try; cd /run/try;
    printf ". {\nebpf {\nelf /usr/lib/%s.o\nif %s\nmode generic\n}\n}\n" >Corefile;
    corexdp run --log stderr --control control --pidfile pid 2>log & pid=$!;
    tries=900; until [ -s pid ] || ! kill -0 $pid || [ $tries = 0 ]; do tries=$((tries - 1)); sleep 0.1; done 2>>log;
    test -s pid && kill $pid && wait $pid && ! grep -qE "verdicts are not counted|cannot be sampled" log || { cat log; false; }
'''

# Shell commands: while a second daemon runs dns, the clock is set an hour ahead, and back. Each time the map wall_clock
# becomes the time of day less the uptime, within 2 s.
SET_CLOCK = r'''
    rm -rf /run/try; mkdir /run/try; cd /run/try;
    printf ". {\nebpf {\nelf /usr/lib/corexdp/dns.o\nif lo\nmode generic\n" >Corefile;
    printf "gauge offset @wall_clock 0 offset \"Offset.\"\n}\n}\n" >>Corefile;
    corexdp run --log stderr --control control --pidfile pid 2>log & pid=$!;
    tries=900; until [ -s pid ] || ! kill -0 $pid || [ $tries = 0 ]; do tries=$((tries - 1)); sleep 0.1; done 2>>log;
    follows() {
        tries=100;
        until
            offset=$(corexdp dump --control control | sed -n 's/^entry @wall_clock 0 offset=//p');
            read -r uptime _ </proc/uptime;
            late=$(($(date +%s) - ${uptime%%.*} - ${offset:-0} / 1000000000));
            [ $late -ge -2 ] && [ $late -le 2 ];
        do
            tries=$((tries - 1)); [ $tries -gt 0 ] || { echo "$late s late"; return 1; }; sleep 0.1;
        done;
    };
    follows && date -s @$(($(date +%s) + 3600)) && follows && date -s @$(($(date +%s) - 3600)) && follows;
    result=$?; kill $pid; wait $pid; [ $result = 0 ] || { cat log; false; }
'''


class Device:
    """A machine with the list of its installed files."""

    def __init__(self, machine, boot, installed):
        self.machine = machine
        self.boot = boot
        self.installed = installed

    def inside(self, command):
        """Runs a shell command in the machine; true if it succeeds."""
        return self.machine.run(command)

    def service(self, action):
        """Runs an action of the init system on corexdp. A failure has the end of the log as its text."""
        return self.inside(f'service {action}') or Outcome(False, self.inside('log | tail -n 8').text)

    def log_has(self, pattern):
        return self.inside(f"log | grep '{pattern}'")

    def daemon_pid(self):
        """The process id of the daemon, after its filters are attached."""
        return self.inside('daemon-pid')

    def has_links(self):
        """The daemon has a descriptor of an XDP link for each interface."""
        return self.inside('has-links')

    def has_no_process(self):
        return self.inside('pidof corexdp').denied()

    def answers(self, client):
        return self._while_it_runs(outside.answered(client))

    def ignores(self, client):
        return self._while_it_runs(outside.unanswered(client))

    def filters_as_configured(self):
        return self.ignores(DENIED) and self.answers(ALLOWED)

    def sample_is(self, name, value):
        """The page, read from outside, has `value` for the sample `name`."""
        return self._while_it_runs(outside.sample(name).says(str(value)))

    def _while_it_runs(self, outcome):
        self.machine.must_run()
        return outcome

    def captures_query(self):
        """A query passes, and `capture` shows it."""
        return (self.answers(ALLOWED)
                and self.inside(r"grep ' pass eth0/.* 192\.0\.2\.10:[0-9]* > .* www\.example A' /run/captured"))

    def top_shows(self, shares):
        """The report of `top` has these names, each with its share in percent, within 2 points."""
        report = self.inside('cat /run/top')
        tables = {table['by']: table['rows'] for table in json.loads(report.text)['tables']}
        found = {row['key']: row['share_permille'] for row in tables['name']}
        near = all(abs(found.get(name, 0) - 10 * share) <= 20 for name, share in shares.items())
        return report and Outcome(near, f'{found}')

    def is_attached(self, interface, mode):
        return self.sample_is(f'corexdp_filter_attached{{interface="{interface}",mode="{mode}"}}', 1)

    def has_installed_files(self):
        """The files of corexdp, their modes and owners are those of the package, plus the Corefile of the image."""
        found = self.inside('find / -xdev "(" -path "*/corexdp*" -o -name "*corexdp" ")" ! -path "*.wants/*" |'
                            ' xargs stat -c "%a %u:%g %n"')
        expected = {'644 0:0 /etc/corexdp/Corefile', *self.installed}
        lines = set(found.text.splitlines())
        differences = [f'+{line}' for line in lines - expected] + [f'-{line}' for line in expected - lines]
        return found and Outcome(not differences, '\n'.join(differences))

    def accepts_program(self, name):
        """The verifier of this kernel accepts the program `name`, with the counters of its verdicts.

        For both link headers, if the machine has WireGuard.
        """
        accepted = self.inside(TRY_PROGRAM % (f'corexdp/{name}', 'lo'))
        if self.boot.memory < 256:
            return accepted
        return (accepted
                and self.inside('test -e /sys/class/net/wg0 || ip link add wg0 type wireguard; ip link set wg0 up')
                and self.inside(TRY_PROGRAM % (f'corexdp/{name}', 'wg0')))

    def follows_wall_clock(self):
        return self.inside(SET_CLOCK)

    def resolves_kernel_types(self):
        """A program with a CO-RE relocation loads, or is refused because the kernel has no types."""
        accepted = self.inside(TRY_PROGRAM % ('kernel_types', 'lo'))
        if self.inside('test -e /sys/kernel/btf/vmlinux'):
            return accepted
        reason = 'it needs the types of the running kernel, which has none'
        return Outcome(not accepted and reason in accepted.text, accepted.text)

    def put_wrong_corefile(self):
        """Mounts a wrong Corefile over the Corefile of the read-only root."""
        return self.inside(r'printf ". {\n ebpf {\n }\n}\n" >/tmp/wrong &&'
                           ' mount -o bind /tmp/wrong /etc/corexdp/Corefile')

    def put_right_corefile(self):
        return self.inside('umount /etc/corexdp/Corefile')

    def reloads(self, result, count):
        """A reload makes the daemon's counter of this result `count`, and the daemon remains the same process.

        systemd learns the result from the daemon; the init script only sends a signal, which succeeds always.
        """
        before = ask_until(self.daemon_pid, DAEMON_LIMIT)
        if not before:
            return before
        told = self.service('reload')
        expected = result == 'success' or self.boot.init == 'sysv'
        if told.holds != expected:
            return Outcome(False, f'the service reported that the reload {"succeeded" if told else "failed"}\n{told.text}')
        counter = f'corexdp_reloads_total{{result="{result}"}}'
        return (ask_until(lambda: self.sample_is(counter, count), DAEMON_LIMIT)
                and ask_until(lambda: self.daemon_pid().says(before.text), DAEMON_LIMIT)
                and self.inside(f'pidof corexdp | tr " " "\\n" | grep -x {before.text}'))

    def replaces_daemon_after(self, signal):
        """Sends `signal` to the daemon; true if another daemon then attaches."""
        before = ask_until(self.daemon_pid, DAEMON_LIMIT)

        def replaced():
            after = self.daemon_pid()
            return Outcome(after.holds and after.text not in ('', before.text), after.text)

        return before and self.inside(f'kill -{signal} {before.text}') and ask_until(replaced, REPLACEMENT_LIMIT)
