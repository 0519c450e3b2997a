//! `entry` lines that are wrong, or do not fit the object `words.o`.

use super::Wrong;

/// Lines after `elf words.o` and `if edge0`; the first is line 5 of the Corefile.
pub(crate) const WORDS: &[Wrong] = &[
    (
        "entri 1 verdict=0",
        &["Corefile:5: ebpf: unknown option \"entri\"; did you mean entry?"],
    ),
    (
        "entry",
        &["Corefile:5: entry: 0 arguments; write `entry [@MAP] KEY FIELD=VALUE…`"],
    ),
    (
        "entry @xdp_map 1",
        &["Corefile:5: entry: 2 arguments; write `entry [@MAP] KEY FIELD=VALUE…`"],
    ),
    (
        "entyr 1 verdict=0\ninterface edge0\nobject words.o",
        &[
            "Corefile:5: ebpf: unknown option \"entyr\"; did you mean entry?",
            "Corefile:6: ebpf: unknown option \"interface\"; did you mean if?",
            "Corefile:7: ebpf: unknown option \"object\"; did you mean elf?",
        ],
    ),
    (
        "entry 1 verdict\nentry 1 verdict = VERDICT_DROP",
        &[
            "Corefile:5: entry: \"verdict\" has no `=`; write FIELD=VALUE without spaces around it, and a VALUE with spaces as \"FIELD=VALUE\"",
            "Corefile:6: entry: \"verdict\" has no `=`; write FIELD=VALUE without spaces around it, and a VALUE with spaces as \"FIELD=VALUE\"",
        ],
    ),
    (
        "entry 1 verdikt=0",
        &["Corefile:5: entry: struct rule has no member verdikt; did you mean verdict?"],
    ),
    (
        "entry 1 net.address=10.0.0.1",
        &["Corefile:5: entry: net has no member address; did you mean addr?"],
    ),
    (
        "entry 1 slot[3].port=53",
        &["Corefile:5: entry: slot has no element 3; there are slot[0] to slot[2]"],
    ),
    (
        "entry 1 low=1",
        &[
            "Corefile:5: entry: low is a bit-field, and a FIELD has whole bytes; write it with `map` or read it with `metric`",
        ],
    ),
    (
        "entry 1 verdict=DROP",
        &[
            "Corefile:5: entry: verdict is enum verdict, 4 bytes; it takes VERDICT_PASS, VERDICT_DROP or VERDICT_ASK, not \"DROP\"; did you mean VERDICT_DROP?",
        ],
    ),
    (
        "entry 1 verdict=4294967296",
        &[
            "Corefile:5: entry: verdict is enum verdict, 4 bytes; it takes VERDICT_PASS, VERDICT_DROP or VERDICT_ASK, not \"4294967296\"",
        ],
    ),
    (
        "entry 1 net.prefix=256",
        &[
            "Corefile:5: entry: net.prefix is __u8, 1 byte; it takes a number from 0 to 255, not \"256\"",
        ],
    ),
    (
        "entry 1 delta=-32769",
        &[
            "Corefile:5: entry: delta is __s16, 2 bytes; it takes a number from -32768 to 32767, not \"-32769\"",
        ],
    ),
    (
        "entry 1 packets=ten",
        &[
            "Corefile:5: entry: packets is __u64, 8 bytes; it takes a number from 0 to 18446744073709551615, not \"ten\"",
        ],
    ),
    (
        "entry 1 packets=10.0.0.1",
        &[
            "Corefile:5: entry: packets is __u64, 8 bytes; it takes a number from 0 to 18446744073709551615, not \"10.0.0.1\", an IPv4 address",
        ],
    ),
    (
        "entry 1 net.addr=2001:db8::1",
        &[
            "Corefile:5: entry: net.addr is __be32, 4 bytes; it takes a number from 0 to 4294967295 or an IPv4 address, not \"2001:db8::1\", an IPv6 address",
        ],
    ),
    (
        "entry 1 ip6=10.0.0.1",
        &[
            "Corefile:5: entry: ip6 is __u8[16], 16 bytes; it takes 0x and 32 digits or an IPv6 address or its elements as ip6[0], not \"10.0.0.1\", an IPv4 address",
        ],
    ),
    (
        "entry 1 mac=02:00:5e:10:20",
        &[
            "Corefile:5: entry: mac is __u8[6], 6 bytes; it takes 0x and 12 digits or a MAC address or its elements as mac[0], not \"02:00:5e:10:20\"",
        ],
    ),
    (
        "entry 1 label=resolvers",
        &[
            "Corefile:5: entry: label is char[8], 8 bytes; it takes a text of at most 8 bytes, not \"resolvers\", 9 bytes",
        ],
    ),
    (
        "entry 1 on=yes",
        &["Corefile:5: entry: on is _Bool, 1 byte; it takes true or false, not \"yes\""],
    ),
    (
        "entry 1 net=1",
        &[
            "Corefile:5: entry: net is struct net, 8 bytes; it takes 0x and 16 digits or its members as net.addr, not \"1\"",
        ],
    ),
    (
        "entry 1 net=0x00",
        &[
            "Corefile:5: entry: net is struct net, 8 bytes; it takes 0x and 16 digits or its members as net.addr, not \"0x00\"",
        ],
    ),
    (
        "entry 1 pointer=1",
        &["Corefile:5: entry: pointer is pointer, 8 bytes; it takes 0x and 16 digits, not \"1\""],
    ),
    (
        "entry 1 delta=1 tiny=2 delta=3",
        &["Corefile:5: entry: delta is given twice; keep one"],
    ),
    (
        "entry 1 ip4=10.0.0.1 ip6=::1",
        &["Corefile:5: entry: ip6 and ip4 are the same bytes; keep one"],
    ),
    (
        "entry 1 net.addr=10.0.0.1 net=0x0000000000000000",
        &["Corefile:5: entry: net and net.addr are the same bytes; keep one"],
    ),
    (
        "entry 4294967296 delta=1",
        &[
            "Corefile:5: entry: KEY is __u32, 4 bytes; it takes a number from 0 to 4294967295 or an IPv4 address or 0x and 8 digits, not \"4294967296\"",
        ],
    ),
    (
        "entry 0x01 delta=1",
        &[
            "Corefile:5: entry: KEY is __u32, 4 bytes; it takes a number from 0 to 4294967295 or an IPv4 address or 0x and 8 digits, not \"0x01\"",
        ],
    ),
    (
        "entry one delta=1 tiny=x",
        &[
            "Corefile:5: entry: KEY is __u32, 4 bytes; it takes a number from 0 to 4294967295 or an IPv4 address or 0x and 8 digits, not \"one\"",
            "Corefile:5: entry: tiny is __s8, 1 byte; it takes a number from -128 to 127, not \"x\"",
        ],
    ),
    (
        "entry @per_cpu 4 packets=1",
        &["Corefile:5: entry: index 4 is past the end of per_cpu; the last is 3"],
    ),
    (
        "entry @networks 10.0.0.1/8 value=1",
        &[
            "Corefile:5: entry: KEY \"10.0.0.1/8\" has bits set after the first 8; write the network's first address, or a longer prefix",
        ],
    ),
    (
        "entry @networks 0x210000000A000000 value=1",
        &["Corefile:5: entry: KEY is a prefix of 33 bits; a key of networks has at most 32"],
    ),
    (
        "entry @networks 0x000000080A000000 value=1",
        &[
            "Corefile:5: entry: KEY is a prefix of 134217728 bits; a key of networks has at most 32; a key is written as in memory, lowest byte first",
        ],
    ),
    (
        "map @networks 210000000A000000 0100000000000000",
        &["Corefile:5: map: KEY is a prefix of 33 bits; a key of networks has at most 32"],
    ),
    (
        "entry @networks 2001:db8::/32 value=1",
        &[
            "Corefile:5: entry: KEY is a prefix, 8 bytes; it takes an IPv4 address/BITS with BITS up to 32, or 0x and 16 digits, not \"2001:db8::/32\"",
        ],
    ),
    (
        "entry @networks6 192.0.2.0/255.255.255.0 value=1\nentry @networks6 192.0.2 value=1\nentry @networks6 192.0.2.0/24, value=1",
        &[
            "Corefile:5: entry: KEY is a prefix, 20 bytes; it takes an IPv4 address/BITS with BITS up to 32, an IPv6 address/BITS with BITS up to 128, or 0x and 40 digits, not \"192.0.2.0/255.255.255.0\"",
            "Corefile:6: entry: KEY is a prefix, 20 bytes; it takes an IPv4 address/BITS with BITS up to 32, an IPv6 address/BITS with BITS up to 128, or 0x and 40 digits, not \"192.0.2\"",
            "Corefile:7: entry: KEY is a prefix, 20 bytes; it takes an IPv4 address/BITS with BITS up to 32, an IPv6 address/BITS with BITS up to 128, or 0x and 40 digits, not \"192.0.2.0/24,\"",
        ],
    ),
    (
        "entry 192.0.2.0/24 verdict=0\ngauge high 192.0.2.0/24 packets \"a\"\nentry ads/24 verdict=0",
        &[
            "Corefile:5: entry: KEY is __u32, 4 bytes; it takes a number from 0 to 4294967295 or an IPv4 address or 0x and 8 digits, not \"192.0.2.0/24\"; xdp_map takes single addresses, `@networks` prefixes",
            "Corefile:7: entry: KEY is __u32, 4 bytes; it takes a number from 0 to 4294967295 or an IPv4 address or 0x and 8 digits, not \"ads/24\"",
            "Corefile:6: gauge: KEY is __u32, 4 bytes; it takes a number from 0 to 4294967295 or an IPv4 address or 0x and 8 digits, not \"192.0.2.0/24\"; xdp_map takes single addresses, `@networks` prefixes",
        ],
    ),
    (
        "entry @networks 10.0.0.0/8 packets=1",
        &[
            "Corefile:5: entry: there is no packets; the value is __u64, not a struct, and its FIELD is value",
        ],
    ),
    (
        "entry @pairs 10.0.0.1 value[0]=1",
        &[
            "Corefile:5: entry: KEY is struct pair, 8 bytes; it takes 0x and 16 digits, not \"10.0.0.1\", an IPv4 address",
        ],
    ),
    (
        "entry @pairs 0x0A00000100350000 value[0]=1\nentry @pairs 0x0A00000200350000 value[0]=1\nentry @pairs 0x0A00000100350000 value[0]=2\nentry @pairs 0x0A00000300350000 value[0]=1",
        &["Corefile:8: entry: pairs is full; it has room for 2 entries"],
    ),
];
