"""Boots dist/ in emulated machines and checks it there. tests/appliance.sh starts __main__.py; boots.py is the table.

Each module imports only modules above it in this list:
    outcome, commands, boots    base modules, and the table of boots
    debian, packages, image     Debian's packages, corexdp's packages, and the image made of both
    console, machine, outside   the emulated machine, seen from inside and from outside
    device, report              questions and actions of a check, and the count of checks
    systemd, chains, checks     the checks
    boot, __main__              one boot, all boots
"""
