#!/usr/bin/env python3
"""Writes what one static binary is made of beside it: bom.cdx.json (CycloneDX 1.6) and LICENCES.

Both follow from Cargo.lock alone, so the same source gives the same bytes. Rust's std and musl, which are linked too, are
not in it; LICENCES names them without a version.

Usage: cross/sbom.py TARGET [FOLDER], by default into dist/TARGET, after cross/dist.sh TARGET; CARGO says which cargo
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent
# What bpf-sys brings that is no crate: compiled into its library, and linked.
LIBBPF = {
    "type": "library",
    "bom-ref": "libbpf",
    "name": "libbpf",
    "version": "0.5.0",
    "purl": "pkg:github/libbpf/libbpf@v0.5.0",
    "licenses": [{"expression": "LGPL-2.1-only OR BSD-2-Clause"}],
}

PROGRAMS = sorted(path.name.replace(".bpf.c", ".o") for path in (ROOT / "bpf").glob("*.bpf.c"))
BESIDE_CRATES = [
    "Rust's standard library: MIT OR Apache-2.0\n",
    "musl: MIT\n",
    f"{', '.join(PROGRAMS)}: GPL-2.0-only OR BSD-2-Clause\n",
]


def cargo(*arguments):
    command = [os.environ.get("CARGO", "cargo"), *arguments, "--locked"]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def metadata(target):
    return json.loads(cargo("metadata", "--format-version", "1", "--filter-platform", target))


def in_binary(graph):
    """The ids of the packages that are linked: neither build scripts' nor tests', nor macros and what these need."""
    nodes = {node["id"]: node for node in graph["resolve"]["nodes"]}
    macros = {p["id"] for p in graph["packages"] if any("proc-macro" in t["kind"] for t in p["targets"])}
    found, todo = {}, [graph["resolve"]["root"]]
    while todo:
        node = todo.pop()
        if node in found:
            continue
        normal = [d["pkg"] for d in nodes[node]["deps"] if any(k["kind"] is None for k in d["dep_kinds"])]
        found[node] = sorted(d for d in normal if d not in macros)
        todo += found[node]
    return found


def checksums():
    """The sha256 of each crate, by name and version, as Cargo.lock has it."""
    sums, name, version = {}, None, None
    for line in (ROOT / "Cargo.lock").read_text().splitlines():
        key, _, value = line.partition(" = ")
        value = value.strip('"')
        if key == "name":
            name = value
        elif key == "version":
            version = value
        elif key == "checksum":
            sums[name, version] = value
    return sums


def expression(licence):
    """An SPDX expression; `/` is the older way to write OR."""
    return " OR ".join(part.strip() for part in licence.split("/"))


def purl(package):
    return f"pkg:cargo/{quote(package['name'])}@{quote(package['version'])}"


def component(package, sums):
    described = {
        "type": "library",
        "bom-ref": purl(package),
        "name": package["name"],
        "version": package["version"],
        "purl": purl(package),
        "licenses": [{"expression": expression(package["license"])}],
    }
    # What lies in this repository has none: it is covered by the source's own.
    checksum = sums.get((package["name"], package["version"]))
    if checksum:
        described["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return described


def bill(target):
    graph = metadata(target)
    linked, sums = in_binary(graph), checksums()
    packages = {p["id"]: p for p in graph["packages"] if p["id"] in linked}
    root = packages.pop(graph["resolve"]["root"])
    main = component(root, sums) | {"type": "application"}
    main["properties"] = [{"name": "corexdp:target", "value": target}]
    parts = sorted((component(p, sums) for p in packages.values()), key=lambda part: part["bom-ref"])
    references = {i: purl(p) for i, p in packages.items()} | {root["id"]: purl(root)}
    edges = [{"ref": references[i], "dependsOn": sorted(references[d] for d in needs)} for i, needs in linked.items()]
    for edge in edges:
        if edge["ref"].startswith("pkg:cargo/bpf-sys@"):
            edge["dependsOn"].append(LIBBPF["bom-ref"])
    edges.append({"ref": LIBBPF["bom-ref"], "dependsOn": []})
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": main},
        "components": [*parts, LIBBPF],
        "dependencies": sorted(edges, key=lambda edge: edge["ref"]),
    }


def main():
    if len(sys.argv) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 64
    target = sys.argv[1]
    folder = Path(sys.argv[2]) if len(sys.argv) == 3 else ROOT / "dist" / target
    folder.mkdir(parents=True, exist_ok=True)
    bom = bill(target)
    (folder / "bom.cdx.json").write_text(json.dumps(bom, indent=2) + "\n")
    whole = [bom["metadata"]["component"], *bom["components"]]
    lines = [f"{part['name']} {part['version']}: {part['licenses'][0]['expression']}\n" for part in whole]
    (folder / "LICENCES").write_text("".join([*lines, *BESIDE_CRATES]))
    return 0


sys.exit(main())
