//! Lines of the formats of names, and the items or reasons that they give.

use super::*;

#[test]
fn hosts_match_names_alone() {
    check(
        Format::Hosts,
        &[
            ("0.0.0.0 ads.example", Ok(&["=ads.example"])),
            (
                "127.0.0.1\tADS.example www.ads.example # two",
                Ok(&["=ads.example", "=www.ads.example"]),
            ),
            (":: ads.example", Ok(&["=ads.example"])),
            ("::1 ads.example", Ok(&["=ads.example"])),
            ("127.0.0.1 localhost", Ok(&[])),
            ("0.0.0.0 0.0.0.0", Ok(&[])),
            ("255.255.255.255 broadcasthost", Ok(&[])),
            ("fe80::1%lo0 localhost", Ok(&[])),
            ("# comment", Ok(&[])),
            ("192.0.2.1 ads.example", Err(Reason::HasAddress)),
            ("0.0.0.0 router", Err(Reason::OneLabel)),
            ("0.0.0.0 a/b.example", Err(Reason::NotName)),
            ("0.0.0.0", Err(Reason::Malformed)),
            ("ads.example", Err(Reason::NotAddress)),
        ],
    );
}

#[test]
fn domains_match_the_names_below_too() {
    check(
        Format::Domains,
        &[
            ("ads.example", Ok(&["ads.example"])),
            ("Ads.Example.", Ok(&["ads.example"])),
            ("*.ads.example", Ok(&["ads.example"])),
            (".ads.example", Ok(&["ads.example"])),
            ("*.zip", Ok(&["zip"])),
            ("bücher.example # IDN", Ok(&["xn--bcher-kva.example"])),
            ("# comment", Ok(&[])),
            ("! comment", Ok(&[])),
            ("// comment", Ok(&[])),
            ("; comment", Ok(&[])),
            ("domain", Err(Reason::OneLabel)),
            ("zip.", Err(Reason::OneLabel)),
            ("http://ads.example/", Err(Reason::NotName)),
            ("ads.example other", Err(Reason::NotName)),
            ("ads.*.example", Err(Reason::NotName)),
            ("192.0.2.1", Err(Reason::NotName)),
            ("*", Err(Reason::OneLabel)),
        ],
    );
}

#[test]
fn adblock_has_rules_about_names() {
    check(
        Format::Adblock,
        &[
            ("[Adblock Plus 2.0]", Ok(&[])),
            ("! Title: Filter", Ok(&[])),
            ("# comment", Ok(&[])),
            ("||ads.example^", Ok(&["ads.example rank 3"])),
            ("||Ads.example^|", Ok(&["ads.example rank 3"])),
            ("||zip^", Ok(&["zip rank 3"])),
            ("||ads.example^$important", Ok(&["ads.example rank 1"])),
            ("||ads.example^$document,all", Ok(&["ads.example rank 3"])),
            ("@@||good.example^", Ok(&["good.example Passthru rank 2"])),
            (
                "@@||good.example^$important",
                Ok(&["good.example Passthru"]),
            ),
            ("0.0.0.0 ads.example", Ok(&["=ads.example rank 3"])),
            ("||ads.example^$third-party", Err(Reason::Option)),
            ("||ads.example^$dnstype=AAAA", Err(Reason::Option)),
            ("@@||good.example^$client=lan", Err(Reason::Option)),
            ("||ads.example", Err(Reason::Pattern)),
            ("||ads.*^", Err(Reason::Pattern)),
            ("||ads.example/banner^", Err(Reason::Pattern)),
            ("||192.0.2.1^", Err(Reason::Pattern)),
            ("/banner[0-9]/", Err(Reason::Pattern)),
            ("-ads.", Err(Reason::Pattern)),
            ("news.example##.ad", Err(Reason::Pattern)),
            ("##.ad", Err(Reason::Pattern)),
        ],
    );
}

#[test]
fn rpz_has_triggers_by_name() {
    check(
        Format::Rpz,
        &[
            ("$TTL 2h", Ok(&[])),
            ("ads.example CNAME .", Ok(&["=ads.example NxDomain"])),
            (
                "*.ads.example 300 IN CNAME .",
                Ok(&["*.ads.example NxDomain"]),
            ),
            (
                "Ads.example IN 1h30m cname *.",
                Ok(&["=ads.example NoData"]),
            ),
            ("ads.example CNAME rpz-drop.", Ok(&["=ads.example Drop"])),
            (
                "good.example CNAME RPZ-PASSTHRU. ; comment",
                Ok(&["=good.example Passthru"]),
            ),
            (
                "big.example CNAME rpz-tcp-only.",
                Ok(&["=big.example TcpOnly"]),
            ),
            (
                "good.example CNAME good.example.",
                Ok(&["=good.example Passthru"]),
            ),
            ("@ SOA ns. host. 1 2 3 4 5", Ok(&[])),
            ("@ IN SOA ns. host. ( 1 2 3 4 5 )", Ok(&[])),
            ("  NS localhost.", Ok(&[])),
            ("@ TXT \"a ; (b\"", Ok(&[])),
            ("; comment", Ok(&[])),
            ("ads.example CNAME garden.example.", Err(Reason::LocalData)),
            (
                "ads.example CNAME *.garden.example.",
                Err(Reason::LocalData),
            ),
            ("ads.example CNAME rpz-drop", Err(Reason::UnknownAction)),
            ("ads.example CNAME rpz-log.", Err(Reason::UnknownAction)),
            ("ads.example A 192.0.2.1", Err(Reason::LocalData)),
            ("ads.example TXT \"a ; (b\"", Err(Reason::LocalData)),
            ("32.1.2.0.192.rpz-ip CNAME .", Err(Reason::Trigger)),
            (
                "24.0.2.0.192.rpz-client-ip CNAME rpz-drop.",
                Err(Reason::Trigger),
            ),
            ("ns.example.rpz-nsdname CNAME .", Err(Reason::Trigger)),
            ("32.1.2.0.192.rpz-nsip CNAME .", Err(Reason::Trigger)),
            ("* CNAME .", Err(Reason::Everything)),
            ("ads.example", Err(Reason::Malformed)),
            ("$INCLUDE other", Err(Reason::Malformed)),
            ("$GENERATE 1-9 a$ CNAME .", Err(Reason::Malformed)),
            ("ads.example. CNAME .", Err(Reason::Malformed)),
            ("a\\.b.example CNAME .", Err(Reason::NotName)),
        ],
    );
}

#[test]
fn owners_are_relative_to_the_zone() {
    for (zone, expected) in [
        (
            "$ORIGIN rpz.example.\n@ SOA ns. host. (1 ; serial\n 2\n 3 4 5)\n  NS ns.\nads.example CNAME .\n* CNAME .\n  CNAME .\n",
            &["=ads.example NxDomain"][..],
        ),
        (
            "rpz.example. 60 IN SOA ns. host. 1 2 3 4 5\nads.example.rpz.example. CNAME .\n*.ads.example.RPZ.example. CNAME .\nads.example. CNAME .\n",
            &["=ads.example NxDomain", "*.ads.example NxDomain"],
        ),
        (
            "@ SOA ns. host. 1 2 3 4 5\n$ORIGIN com\nads CNAME .\n*.ads CNAME *.\n",
            &["=ads.com NxDomain", "*.ads.com NoData"],
        ),
        (
            "$ORIGIN rpz.example.\n@ SOA ns. host. 1 2 3 4 5\n$ORIGIN com.rpz.example.\nads CNAME .\n$ORIGIN org.rpz.example.\nads CNAME rpz-drop.\n\tTXT \"x\"\n",
            &["=ads.com NxDomain", "=ads.org Drop"],
        ),
        (
            "notrpz.example. CNAME .\n$ORIGIN .\nrpz SOA ns. host. 1 2 3 4 5\nads.example.rpz CNAME .\nads.examplerpz CNAME .\n",
            &["=ads.example NxDomain"],
        ),
    ] {
        let (items, _) = read(Some(Format::Rpz), zone.as_bytes(), 4096);
        assert_eq!(items, owned(expected), "{zone}");
    }
}
