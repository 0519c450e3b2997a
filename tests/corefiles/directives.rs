//! Server blocks whose directives are wrong.

use super::Wrong;

/// Each text is a complete Corefile.
pub(crate) const DIRECTIVES: &[Wrong] = &[
    (
        ". {\n  health :8080 :8081 {\n    lameduck\n    lameduck soon\n    duck\n  }\n}\n",
        &[
            "Corefile:2: health: takes one address, not 2",
            "Corefile:3: health: write `lameduck DURATION`",
            "Corefile:4: health: \"soon\" is not a duration; write one such as 5s",
            "Corefile:5: health: unknown option \"duck\"; use lameduck",
        ],
    ),
    (
        ". {\n  ready edge:8181 {\n    monitor never\n    watch\n  }\n  ready\n}\n",
        &[
            "Corefile:2: ready: \"edge:8181\" names a host; write its address, since names are not resolved on the box that filters the resolver",
            "Corefile:3: ready: write `monitor until-ready|continuously`",
            "Corefile:4: ready: unknown option \"watch\"; use monitor",
            "Corefile:6: ready: given twice in this server block; keep one",
        ],
    ),
    (
        ". {\n  prometheus :8080\n  health\n}\n",
        &["Corefile:3: health: :8080 is taken by prometheus; give one of them another address"],
    ),
    (
        ". {\n  prometheus :9153\n  health 127.0.0.1:9153\n}\n",
        &[
            "Corefile:3: health: 127.0.0.1:9153 overlaps :9153 of prometheus; give one of them another port",
        ],
    ),
    (
        ". {\n  prometheus 127.0.0.1:9153\n  health [::ffff:127.0.0.1]:9153\n  ready [::]:9153\n}\n",
        &[
            "Corefile:3: health: [::ffff:127.0.0.1]:9153 overlaps 127.0.0.1:9153 of prometheus; give one of them another port",
            "Corefile:4: ready: [::]:9153 overlaps 127.0.0.1:9153 of prometheus; give one of them another port",
        ],
    ),
    (
        ". {\n  prometheus 224.0.0.1:9153\n  health 255.255.255.255:8080\n  ready [fe80::1]:8181\n}\n",
        &[
            "Corefile:2: prometheus: 224.0.0.1:9153 is a multicast address; write an address of the box",
            "Corefile:3: health: 255.255.255.255:8080 is the broadcast address; write an address of the box",
            "Corefile:4: ready: [fe80::1]:8181 is a link-local address, which needs an interface; write another address of the box",
        ],
    ),
    (
        ". {\n  reload 10s 5s 1s\n}\n",
        &["Corefile:2: reload: takes [INTERVAL] [JITTER], not 3 words"],
    ),
    (
        ". {\n  reload often\n}\n",
        &["Corefile:2: reload: \"often\" is not a duration; write one such as 30s or 1m30s"],
    ),
    (
        ". {\n  reload 1s 500ms\n}\n",
        &[
            "Corefile:2: reload: INTERVAL \"1s\" is too short; the least is 2s",
            "Corefile:2: reload: JITTER \"500ms\" is too short; the least is 1s",
        ],
    ),
    (
        ". {\n  ebpf\n}\n",
        &[
            "Corefile:2: ebpf: no elf; add `elf PROGRAM`, the object file to attach",
            "Corefile:2: ebpf: no if; add `if INTERFACE`, the interface to attach to",
        ],
    ),
    (
        ". {\n  ebpf {\n  }\n}\n",
        &[
            "Corefile:2: ebpf: no elf; add `elf PROGRAM`, the object file to attach",
            "Corefile:2: ebpf: no if; add `if INTERFACE`, the interface to attach to",
        ],
    ),
    (
        ". {\n  ebpf {\n    elf example.o\n  }\n}\n",
        &["Corefile:2: ebpf: no if; add `if INTERFACE`, the interface to attach to"],
    ),
    (
        ". {\n  ebpf {\n    if edge0\n  }\n}\n",
        &["Corefile:2: ebpf: no elf; add `elf PROGRAM`, the object file to attach"],
    ),
    (
        ". {\n  ebpf edge0 {\n    elf example.o\n    if edge0\n  }\n}\n",
        &["Corefile:2: ebpf: takes no argument, not \"edge0\"; write its options in a block"],
    ),
    (
        ". {\n  ebpf {\n    elf example.o\n    if edge0\n    mode generic\n  }\n  ebpf {\n    elf example.o\n    if edge0\n    mode generic\n  }\n}\n",
        &["Corefile:10: mode: given twice for interface edge0; keep one for all its blocks"],
    ),
    (
        ". {\n  ebpf {\n    elf example.o\n    if edge0\n    metric packets 00000000 8 4 \"A\"\n  }\n}\na {\n  ebpf {\n    elf example.o\n    if edge1\n    metric packets 00000000 8 4 \"B\"\n  }\n}\n",
        &["Corefile:12: metric: packets is the name of another metric already; names are unique"],
    ),
    (
        ". {\n  ebpf {\n    elf hash.o\n    if edge0\n    map 0000000000000000\n    map 00 0000000000000000\n  }\n}\n",
        &["Corefile:6: map: KEY has 1 byte; a key of xdp_map has 4 bytes"],
    ),
    (
        ". {\n  ebpf {\n    elf hash.o\n    if edge0\n    metric packets 0000000000 0 8 \"P\"\n  }\n}\n",
        &["Corefile:5: metric: KEY has 5 bytes; a key of xdp_map has 4 bytes"],
    ),
    (
        ". {\n  prometheus localhost\n}\n",
        &[
            "Corefile:2: prometheus: \"localhost\" has no port; write HOST:PORT, for example localhost:9153",
        ],
    ),
    (
        ". {\n  prometheus ::1:9153\n  ready 127.0.0.1\n}\n",
        &[
            "Corefile:2: prometheus: \"::1:9153\" has an IPv6 address without brackets; write [::1]:9153",
            "Corefile:3: ready: \"127.0.0.1\" has no port; write HOST:PORT, for example 127.0.0.1:9153",
        ],
    ),
    (
        ". {\n  prometheus {\n    host *.example.net\n  }\n}\n",
        &[
            "Corefile:3: prometheus: host \"*.example.net\" has '*', which is not a wildcard; write each name, for example box.example.org",
        ],
    ),
    (
        ". {\n  prometheus localhost:http\n}\n",
        &[
            "Corefile:2: prometheus: \"localhost:http\" is not an address; write HOST:PORT or :PORT, for example localhost:9153",
        ],
    ),
    (
        ". {\n  prometheus localhost:65536\n}\n",
        &[
            "Corefile:2: prometheus: \"localhost:65536\" is not an address; write HOST:PORT or :PORT, for example localhost:9153",
        ],
    ),
    (
        ". {\n  prometheus box.example.org:9153\n}\n",
        &[
            "Corefile:2: prometheus: \"box.example.org:9153\" names a host; write its address, since names are not resolved on the box that filters the resolver",
        ],
    ),
    (
        ". {\n  prometheus :9153 :9154\n}\n",
        &["Corefile:2: prometheus: takes one address, not 2"],
    ),
    (
        ". {\n  prometheus :9153\n  prometheus :9154\n}\n",
        &["Corefile:3: prometheus: given twice in this server block; keep one"],
    ),
    (
        ". {\n  prometheus {\n    tls cert.pem key.pem\n  }\n}\n",
        &[
            "Corefile:3: prometheus: tls is not served; leave it out, and let a proxy on the box add it",
        ],
    ),
    (
        ". {\n  prometheus {\n    colour blue\n  }\n}\n",
        &["Corefile:3: prometheus: unknown option \"colour\"; use host, runtime_metrics"],
    ),
    (
        ". {\n  prometheus {\n    host\n    host a.example A.example.\n    host ok.example http://a\n    host 192.0.2.1\n  }\n}\n",
        &[
            "Corefile:3: prometheus: write `host NAME…`",
            "Corefile:4: prometheus: host \"A.example.\" is given twice; keep one",
            "Corefile:5: prometheus: \"http://a\" is not a host name; write it without scheme, port and path, for example box.example.org",
            "Corefile:6: prometheus: host \"192.0.2.1\" is an address; leave it out, since every address is accepted",
        ],
    ),
    (
        ". {\n  prometheus {\n    host a1 a2 a3 a4 a5 a6 a7 a8\n    host a8\n    host a9\n  }\n}\n",
        &["Corefile:5: prometheus: more than 8 names of host; leave some out"],
    ),
    (
        ". {\n  debug loudly\n}\n",
        &["Corefile:2: debug: takes no argument, not \"loudly\""],
    ),
];
