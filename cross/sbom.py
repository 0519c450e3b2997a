#!/usr/bin/env python3
"""Writes the bill of materials of a static binary, bom.cdx.json (CycloneDX 1.6), and the file LICENCES.

Both depend only on Cargo.lock and tests/advisories.txt, so the same source gives the same bytes. Cargo.lock does not contain
Rust's std and musl: LICENCES names them without a version, bom.cdx.json does not.

The vulnerabilities of bom.cdx.json (VEX) are the advisories about components in the bill: a scanner that knows an advisory
learns that corexdp has the fix, or why the fault is out of reach. Advisories about packages that only the build runs are
left out, as these packages are.

Usage: cross/sbom.py TARGET [FOLDER], after cross/dist.sh TARGET; FOLDER is dist/TARGET by default
Environment: CARGO, the cargo to run
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent
# bpf-sys contains this library, which is no crate.
LIBBPF = {
    "type": "library",
    "bom-ref": "libbpf",
    "name": "libbpf",
    "version": "0.5.0",
    "purl": "pkg:github/libbpf/libbpf@v0.5.0",
    "licenses": [{"expression": "LGPL-2.1-only OR BSD-2-Clause"}],
}

PROGRAMS = sorted(path.name.replace(".bpf.c", ".o") for path in (ROOT / "bpf").glob("*.bpf.c"))
OTHER_LICENCES = [
    "Rust's standard library: MIT OR Apache-2.0\n",
    "musl: MIT\n",
    f"{', '.join(PROGRAMS)}: GPL-2.0-only OR BSD-2-Clause\n",
]


def cargo(*arguments):
    command = [os.environ.get("CARGO", "cargo"), *arguments, "--locked"]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def metadata(target):
    return json.loads(cargo("metadata", "--format-version", "1", "--filter-platform", target))


def linked_packages(graph):
    """The dependencies by package id of each linked package, without those of build scripts, tests and macros."""
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
    """The SHA-256 in Cargo.lock of each crate, by name and version."""
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
    """The SPDX expression of a licence in Cargo.toml, where `/` is the older form of OR."""
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
    # A crate of this repository has no checksum.
    checksum = sums.get((package["name"], package["version"]))
    if checksum:
        described["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return described


def advisories():
    """Package, rule, identifier and note of each vulnerability in advisories.txt. `unmaintained` is no vulnerability."""
    for line in (ROOT / "tests/advisories.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, rule, identifier, note = line.split(maxsplit=3)
            if re.match("(CVE|RUSTSEC|GHSA)-", identifier):
                yield name, rule, identifier, note


def source(identifier):
    if identifier.startswith("RUSTSEC-"):
        return {"name": "RustSec", "url": f"https://rustsec.org/advisories/{identifier}.html"}
    if identifier.startswith("GHSA-"):
        return {"name": "GitHub", "url": f"https://github.com/advisories/{identifier}"}
    return {"name": "NVD", "url": f"https://nvd.nist.gov/vuln/detail/{identifier}"}


def vulnerabilities(components):
    """The advisories about components, with the reason why corexdp is not affected."""
    found = []
    for name, rule, identifier, note in advisories():
        # The advisories about bpf-sys are those of the libbpf inside.
        name = LIBBPF["name"] if name == "bpf-sys" else name
        analysis = {"state": "resolved", "detail": f"fixed in {rule.removeprefix('>=')}: {note}"}
        if not rule.startswith(">="):
            analysis = {"state": "not_affected", "justification": "code_not_reachable", "detail": note}
        affected = [{"ref": c["bom-ref"]} for c in components if c["name"] == name]
        if affected:
            found.append({"id": identifier, "source": source(identifier), "analysis": analysis, "affects": affected})
    return sorted(found, key=lambda one: one["id"])


def bill_of_materials(target):
    graph = metadata(target)
    linked, sums = linked_packages(graph), checksums()
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
        "vulnerabilities": vulnerabilities([*parts, LIBBPF]),
    }


def main():
    if len(sys.argv) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 64
    target = sys.argv[1]
    folder = Path(sys.argv[2]) if len(sys.argv) == 3 else ROOT / "dist" / target
    folder.mkdir(parents=True, exist_ok=True)
    bom = bill_of_materials(target)
    (folder / "bom.cdx.json").write_text(json.dumps(bom, indent=2) + "\n")
    parts = [bom["metadata"]["component"], *bom["components"]]
    lines = [f"{part['name']} {part['version']}: {part['licenses'][0]['expression']}\n" for part in parts]
    (folder / "LICENCES").write_text("".join([*lines, *OTHER_LICENCES]))
    return 0


sys.exit(main())
