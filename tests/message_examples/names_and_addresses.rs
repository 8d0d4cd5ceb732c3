//! Canonical names of headers, IP addresses, and what carries addresses.

use super::*;

#[test]
fn canonical_names() {
    for (name, canonical) in [
        ("p-foo_BAR", "P-Foo_Bar"),
        ("i", "Call-ID"),
        ("I", "Call-ID"),
        ("z", "z"),
        ("Z", "z"),
        ("www-AUTHENTICATE", "WWW-Authenticate"),
        ("rSEQ", "Rseq"),
    ] {
        assert_eq!(s(&headerize(name.as_bytes())), canonical);
    }
}

#[test]
fn addresses_and_what_carries_them() {
    assert_eq!(ip_type(b"::FFFF:10.0.0.1"), Some(IpType::Ipv6));
    assert_eq!(ip_type(b"[::2]"), Some(IpType::Ipv6Reference));
    assert_eq!(ip_type(b"10.0.0.256"), None);
    assert_eq!(compare_ips(b"[fd00::0:5]", b"FD00::5"), Some(true));
    assert_eq!(compare_pure_ips(b"[fd00::0:5]", b"FD00::5"), None);
    assert_eq!(compare_ips(b"h", b"10.0.0.1"), None);
    assert_eq!(normalize_ipv6(b"[FD00:0::05]", false).as_deref(), Some("[fd00::5]"));
    assert_eq!(normalize_ipv6(b"[FD00:0::05]", true).as_deref(), Some("fd00::5"));
    assert_eq!(normalize_ipv6(b"10.0.0.1", false), None);
    assert_eq!(parse_udp_flow(b"fd00::5_5070"), Some(("fd00::5".parse().unwrap(), 5070)));
    assert_eq!(parse_udp_flow(b"10.0.0.1_0"), None);
    assert_eq!(parse_udp_flow(b"10.0.0.1_0070"), Some(("10.0.0.1".parse().unwrap(), 70)));
    let line = b"PROXY TCP4 10.0.0.1 10.0.0.2 4000 5061\r\nREGI";
    assert_eq!(parse_haproxy(line), Some((40, "10.0.0.1".parse().unwrap(), 4000)));
}
