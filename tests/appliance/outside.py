"""The network at the other end of the machine's card: two DNS clients and a client of the page.

The network is the network namespace of this process, see boot.run_apart.
"""

import random
import socket
import subprocess
import time

from .commands import run
from .machine import CARDS
from .outcome import Outcome

DEVICE = '192.0.2.53'
ALLOWED = '192.0.2.10'
DENIED = '192.0.2.66'

# Seconds. An answer may be late on a busy host, but a short wait is enough to see that none arrives.
ANSWER_LIMIT = 15
SILENCE = 3


def make_network(boot):
    """Makes the tap device of the machine's card, with the addresses of the clients."""
    queues = ['multi_queue'] if CARDS[boot.card].queues > 1 else []
    run('ip', 'tuntap', 'add', 'wan0', 'mode', 'tap', *queues)
    for client in (ALLOWED, DENIED):
        run('ip', 'address', 'add', f'{client}/24', 'dev', 'wan0')
    run('ip', 'link', 'set', 'wan0', 'up')


def answered(client):
    """One query of the client gets an answer. kdig does not retry, so a lost packet is a failure."""
    return query(client, ANSWER_LIMIT).says('198.51.100.80')


def unanswered(client):
    """One query of the client gets no answer."""
    return query(client, SILENCE).says('198.51.100.80').denied()


def query(client, limit):
    return ask('kdig', f'@{DEVICE}', '-b', client, f'+timeout={limit}', '+retry=0', '+short', 'www.example', 'A')


def flood(shares, packets, seconds):
    """Sends queries of ALLOWED, in random order. `shares` has the share of each name in percent."""
    names = [name for name, share in shares.items() for _ in range(share * packets // 100)]
    random.shuffle(names)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.bind((ALLOWED, 0))
        for number, name in enumerate(names):
            labels = b''.join(bytes([len(label)]) + label.encode() for label in name.split('.'))
            head = number.to_bytes(2, 'big') + bytes([1, 0, 0, 1, 0, 0, 0, 0, 0, 0])
            client.sendto(head + labels + bytes([0, 0, 1, 0, 1]), (DEVICE, 53))
            time.sleep(seconds / len(names))
    return Outcome(True, '')


def sample(name):
    """The value of a sample of the page, as text."""
    page = ask('curl', '-fsS', '-m', '10', f'http://{DEVICE}:9153/metrics')
    values = [line.removeprefix(f'{name} ') for line in page.text.splitlines() if line.startswith(f'{name} ')]
    return Outcome(True, values[0]) if page and values else Outcome(False, page.text)


def ask(*command):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return Outcome(result.returncode == 0, result.stdout.strip())
