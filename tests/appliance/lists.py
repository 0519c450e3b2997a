"""Lists of networks and names, of the sizes that routers read."""

import os

# An odd factor makes distinct numbers of distinct numbers, in an order like a random one.
FACTOR = 2654435761
# The hosts of a chain's link that only the first list has, that only the second has, and that both have.
FORMER, LATER, KEPT = 1, 2, 3


def networks_of(boot):
    """The number of listed networks: what a boot's memory holds, or less to save time. See CONTRIBUTING.md."""
    if boot.memory < 256:
        return 100_000
    return int(os.environ.get('COREXDP_NETWORKS', 1_000_000 if boot.kernel == '5.10' else 100_000))


def names_of(boot):
    """The number of listed names."""
    return 100_000 if boot.memory >= 256 else 0  # the verifier takes 30 MiB for qname


def write_lists(boot, folder):
    """Writes two lists of networks, which differ in one line of a hundred, and one of names."""
    folder.mkdir(parents=True)
    networks, names = networks_of(boot), names_of(boot)
    changed = networks // 100
    for file, own, numbers in (
        ('first', FORMER, range(networks)),
        ('second', LATER, range(changed, networks + changed)),
    ):
        hosts = [f'203.0.113.{host}' for host in (own, KEPT)]
        write_lines(folder / file, [*hosts, *map(network, numbers)])
    if names:
        write_lines(folder / 'names', ['listed.example', *map(name, range(names))])


def network(number):
    """The network of a number: of ten networks, seven are IPv4 addresses, two are IPv4 networks, and one is of IPv6.

    The networks of different numbers do not overlap.
    """
    kind, mixed = number % 10, number * FACTOR
    if kind < 7:
        return f'{16 + (mixed >> 24) % 16}.{(mixed >> 16) % 256}.{(mixed >> 8) % 256}.{mixed % 256}'
    if kind < 9:
        return f'{32 + (mixed >> 18) % 64}.{(mixed >> 10) % 256}.{(mixed >> 2) % 256}.0/24'
    return f'2a0{(mixed >> 32) % 16:x}:{(mixed >> 16) % 65536:x}:{mixed % 65536:x}::/48'


def name(number):
    return f'n{number * FACTOR % 2**28:x}.tracker{number % 1000}.example'


def write_lines(file, lines):
    file.write_text(''.join(f'{line}\n' for line in lines))
