"""The checks of chains: several programs on one interface, which a second daemon filters. See rootfs/common/usr/sbin/chain."""

import json
import re

from .boots import ARM64
from .device import DAEMON_LIMIT
from .outcome import Outcome, ask_until

LENGTHS = (1, 2, 4, 8)
# Packets that `chain send` sends of each source.
SENT = 2
SHIPPED = ('acl', 'qname', 'dns', 'limit')
OTHER = '/usr/lib/corexdp/count.o'
CALLS = '/usr/lib/calls.o'


def check_chains(device, report):
    report.once('a link for chains is up', device.inside, 'chain link')
    for length in LENGTHS:
        report.once(f'a chain of {length} runs its programs in order', runs_in_order, device, length)
    report.once('a reload replaces, adds and removes a program, and the others go on', reloads_stages, device)
    report.once('dump and status name the programs of a chain', names_stages, device)
    report.once('the chain ends with its daemon', device.inside, 'chain stop && chain send 9')
    report.once('with exit hold a chain filters after SIGKILL of its daemon', holds_chain, device)
    report.once('the next daemon adopts the chain with its counters', adopts_chain, device)
    report.once('a program with functions of its own is the last of a chain', calls_at_the_end, device)
    report.once('such a program inside of a chain runs, or the error gives the remedy', calls_inside, device)
    # In 64 MiB, a second daemon has too little memory for the verifier of the largest program.
    if device.boot.memory >= 256:
        report.once(f'a chain of {", ".join(SHIPPED)} passes a packet', runs_shipped, device)


def names(length):
    """The names of that many stages: each drops the source of its number."""
    return 'abcdefgh'[:length]


def words(length):
    return ' '.join(f'{name}={number}' for number, name in enumerate(names(length), 1))


def start(device, stages, option='""'):
    """Starts a daemon with a chain. The outcome has the seconds until the chain filters as its text."""
    started = device.inside(f'chain start {option} {stages}')
    times = re.findall(r'[0-9.]+', started.text)
    return started and Outcome(True, f'{float(times[1]) - float(times[0]):.2f}')


def send(device, sources):
    return device.inside(f'chain send {" ".join(map(str, sources))}')


def stages(device):
    """The rows of the stages, or None."""
    status = device.inside('chain status')
    return json.loads(status.text)['filters'] if status else None


def packets(stage):
    """The name of a stage, and the packets that it has passed and dropped."""
    verdicts = {one['verdict']: one['packets'] for one in stage['verdicts']}
    return (stage['object'], verdicts['pass'], verdicts['drop'])


def counts(device, expected):
    """The stages have these names, and have passed and dropped these packets."""
    def found():
        rows = [packets(stage) for stage in stages(device) or ()]
        return Outcome(rows == expected, f'{rows}, not {expected}')
    return ask_until(found, DAEMON_LIMIT)


def ids(device):
    return {stage['object']: stage['program']['id'] for stage in stages(device) or ()}


def in_order(length, rounds=1):
    """The packets of each stage after that many packets of each stage's source, and of source 9."""
    return [(name, SENT * rounds * (length - number + 1), SENT * rounds)
            for number, name in enumerate(names(length), 1)]


def runs_in_order(device, length):
    started = start(device, words(length))
    return (started and send(device, (*range(1, length + 1), 9)) and counts(device, in_order(length))
            and device.inside('chain stop')
            and print_figures(device, f'a chain of {length}', words(length), started))


def print_figures(device, what, stages, started):
    """Prints the time of a start, and what the verifier tells about the programs."""
    told = device.inside(f'chain verified "" {stages}')
    counts = [int(number) for number in re.findall(r'^processed (\d+) insns', told.text, re.M)]
    times = [int(number) for number in re.findall(r'^verification time (\d+) usec', told.text, re.M)]
    print(f'  {what}: filters {started.text} s after its start; verifier: {len(counts)} programs, {sum(counts)} '
          f'instructions, {sum(times) / 1000:.1f} ms')
    return told and Outcome(len(counts) == len(stages.split()), told.text)


def reloads_stages(device):
    """Each reload keeps the programs and counters of the other stages."""
    def reloaded(stages, expected):
        before = ids(device)
        told = device.inside(f'chain reload "" {stages}')
        after = ids(device)
        kept = {name for name in before if after.get(name) == before[name]}
        missing = {name for name, *_ in expected if name in before} - kept
        return (told and Outcome(not missing, f'{before} became {after}') and send(device, (9,))
                and counts(device, expected))

    return (start(device, words(4)) and send(device, (9,))
            and reloaded(f'a=1 {OTHER} c=3 d=4', [('a', 4, 0), ('count', 2, 0), ('c', 4, 0), ('d', 4, 0)])
            and reloaded(f'a=1 {OTHER} b=2 c=3 d=4',
                         [('a', 6, 0), ('count', 4, 0), ('b', 2, 0), ('c', 6, 0), ('d', 6, 0)])
            and reloaded('a=1 b=2 c=3 d=4', [('a', 8, 0), ('b', 4, 0), ('c', 8, 0), ('d', 8, 0)]))


def names_stages(device):
    dump = device.inside('corexdp dump --control /run/chain/control')
    maps = [f'# chain0/{name} xdp_map array 1 of 1' for name in names(4)]
    status = device.inside('corexdp status --control /run/chain/control')
    print('\n'.join(f'  | {line}' for line in (*status.text.splitlines(), *dump.text.splitlines())))
    missing = [line for line in maps if line not in dump.text.splitlines()]
    return (dump and Outcome(not missing, f'{missing} missing in {dump.text}')
            and status and Outcome(all(f'chain0/{name} ' in status.text for name in names(4)), status.text))


def holds_chain(device):
    return (device.inside('grep -q " /sys/fs/bpf " /proc/mounts || mount -t bpf -o mode=0700 bpf /sys/fs/bpf')
            and start(device, words(4), '"exit hold"') and device.inside('chain kill')
            and send(device, (1, 2, 3, 4, 9)))


def adopts_chain(device):
    return (start(device, words(4), '"exit hold"') and counts(device, in_order(4))
            and send(device, (1, 2, 3, 4, 9)) and counts(device, in_order(4, 2)) and device.inside('chain stop')
            and send(device, (9,)))


def calls_at_the_end(device):
    return (start(device, f'a=1 {CALLS}') and send(device, (1, 9))
            and counts(device, [('a', 2, 2), ('calls', 2, 0)]) and device.inside('chain stop'))


def calls_inside(device):
    """On arm64, Linux 6.0 is the first that takes tail calls in programs with functions."""
    started = start(device, f'{CALLS} b=1')
    if device.boot.arch is ARM64 and device.boot.kernel == '5.10':
        print(f'  | {started.text.splitlines()[-1]}')
        parts = ('Corefile:4: elf: ', 'calls.o: the verifier refused it: ', 'tail_calls are not allowed',
                 'make the program the last stage')
        return Outcome(not started and all(part in started.text for part in parts), started.text)
    return (started and send(device, (1, 9)) and counts(device, [('calls', 4, 0), ('b', 2, 2)])
            and device.inside('chain stop'))


def runs_shipped(device):
    programs = ' '.join(f'/usr/lib/corexdp/{name}.o' for name in SHIPPED)
    started = start(device, programs)
    whole = device.inside('! chain log | grep -E "verdicts are not counted|cannot be sampled"')
    return (started and whole and send(device, (9,)) and counts(device, [(name, SENT, 0) for name in SHIPPED])
            and device.inside('chain stop')
            and print_figures(device, f'a chain of {", ".join(SHIPPED)}', programs, started))
