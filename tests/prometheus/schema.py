#!/usr/bin/env python3
"""Checks dashboards against the schema of Grafana: the classes of grafana-foundation-sdk, which Grafana generates from it.

A class reads the members that it knows. So each member of a dashboard must still be there after it was read and written.
"""

import json
import sys

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard


def differences(place, ours, theirs):
    """Yields the members of `ours` that `theirs` lacks or has with another value."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name, value in ours.items():
            if name in theirs:
                yield from differences(f"{place}.{name}", value, theirs[name])
            elif value not in (None, [], {}):
                yield f"{place}.{name} is unknown"
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for number, pair in enumerate(zip(ours, theirs)):
            yield from differences(f"{place}[{number}]", *pair)
    elif ours != theirs:
        yield f"{place} is {ours!r}, read as {theirs!r}"


def main():
    register_default_plugins()
    faults = []
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            ours = json.load(file)
        theirs = json.loads(JSONEncoder(sort_keys=True).encode(Dashboard.from_json(ours)))
        faults.extend(differences(path, ours, theirs))
    if faults:
        sys.exit("\n".join(faults))


if __name__ == "__main__":
    main()
