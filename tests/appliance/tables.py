"""The checks of long lists: their tables in the memory of the machine. See rootfs/common/usr/sbin/lists."""

import json
import re

from .lists import FORMER, KEPT, LATER, names_of, networks_of
from .outcome import Outcome, ask_until

# The programs with tables.
PROGRAMS = ('acl', 'guard', 'qname')
# A source of a chain's link that no list has, and those that decisions block.
UNLISTED, DELETED, EXPIRED = 9, 4, 5
# Seconds, more than its check takes on a busy host.
DECISION = 30
DECISION_LIMIT = 120
# KiB that the daemon takes at most while it reads a list: the first bound is for lists up to that size.
PEAKS = ((100_000, 12 << 10), (1_000_000, 64 << 10))
# KiB that the daemon takes at most after it.
REST = 4 << 10


def check_tables(device, report):
    """Needs the link of the chains, and a machine whose other daemon has ended."""
    count = networks_of(device.boot)
    report.once(f'acl attaches with {count:,} listed networks', starts, device, 'acl', 'first', count)
    report.once('listed sources are dropped, another passes', verdicts, device, (FORMER, KEPT), (LATER, UNLISTED))
    report.once('a reload with 1 % of the list changed keeps program and counters', changes_list, device, count)
    report.once('listed sources are dropped, a former one passes', verdicts, device, (LATER, KEPT), (FORMER, UNLISTED))
    report.once('a decision drops a source until it is deleted', decides, device)
    if device.boot.memory < 256:
        report.once('a decision drops a source until its time is up', expires, device)
    report.once('acl ends, and nothing is dropped', device.inside, f'lists stop && lists passes {KEPT}')
    if names_of(device.boot):
        count = names_of(device.boot)
        report.once(f'qname attaches with {count:,} listed names', starts, device, 'qname', 'names', count)
        report.once('a listed name gets no answer, another does', judges_names, device)
        report.once('qname ends', device.inside, 'lists stop && lists asks www.listed.example')
        report.once('the verifier examines the programs with tables', examines_programs, device)


def starts(device, program, file, count):
    started = device.inside(f'lists start {program} {file}')
    if not started:
        return started
    before, after = map(float, started.text.split())
    return keeps_memory(device, count, f'{program} with {count:,} entries: attached {after - before:.2f} s after its start')


def keeps_memory(device, count, what):
    """Prints the memory of daemon, maps and machine. The daemon keeps within its bounds."""
    found = device.inside('lists memory')
    if not found:
        return found
    peak, rest, maps, less = map(int, found.text.split())
    print(f'  {what}; KiB: daemon peak {peak}, now {rest}; maps {maps}; the machine has {less} less')
    limit = next((limit for most, limit in PEAKS if count <= most), peak)
    return Outcome(peak <= limit and rest <= REST, f'peak {peak}, at most {limit}; now {rest}, at most {REST}')


def verdicts(device, dropped, passed):
    for verdict, sources in (('drops', dropped), ('passes', passed)):
        for source in sources:
            outcome = device.inside(f'lists {verdict} {source}')
            if not outcome:
                return Outcome(False, f'source {source}, {verdict}: {outcome.text}')
    return Outcome(True)


def state(device):
    """The id of the program and the value of the metric."""
    status = device.inside('lists status')
    if not status:
        return None, 0
    row = json.loads(status.text)['filters'][0]
    return row['program']['id'], row['metrics'][0]['value']


def changes_list(device, count):
    before = state(device)
    told = device.inside('lists reload acl second')
    if not told:
        return told
    start, end = map(float, told.text.split())
    after = state(device)
    return (keeps_memory(device, count, f'a reload of 1 % takes {end - start:.2f} s')
            and Outcome(before == after and after[1] > 0, f'{before} became {after}'))


def decides(device):
    address = f'203.0.113.{DELETED}'
    return (device.inside(f'lists passes {DELETED}')
            and device.inside(f'lists decide add {address} action=ACL_DROP && lists drops {DELETED}')
            and device.inside(f'lists decide delete {address} && lists passes {DELETED}'))


def expires(device):
    return (device.inside(f'lists passes {EXPIRED}')
            and device.inside(f'lists decide add 203.0.113.{EXPIRED} action=ACL_DROP for {DECISION}s')
            and device.inside(f'lists drops {EXPIRED}')
            and ask_until(lambda: device.inside(f'lists passes {EXPIRED}'), DECISION_LIMIT))


def examines_programs(device):
    """Prints the instructions that the verifier follows in each program."""
    counts = {}
    for program in PROGRAMS:
        told = device.inside(f'chain verified "" /usr/lib/corexdp/{program}.o')
        counts[program] = [int(number) for number in re.findall(r'^processed (\d+) insns', told.text, re.M)]
        if not told or not counts[program]:
            return Outcome(False, f'{program}: {told.text}')
    print('  verifier: ' + ', '.join(f'{program} {sum(found)}' for program, found in counts.items()) + ' instructions')
    return Outcome(True)


def judges_names(device):
    return (device.inside('lists asks www.example')
            and device.inside('lists asks www.listed.example').denied()
            and Outcome(state(device)[1] > 0, 'the query was not counted'))
