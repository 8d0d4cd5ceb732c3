//! Hosts and IP addresses: classification, comparison, normal form.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::lex::{self, Cursor, Span, ALNUM, IP, LABEL};

/// What an IP address text looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IpType {
    /// Dotted IPv4.
    Ipv4,
    /// IPv6 without brackets.
    Ipv6,
    /// IPv6 in square brackets.
    Ipv6Reference,
}

/// What the host of a SIP URI or of a Via is (RFC 3261 25.1, `host`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum HostType {
    /// A domain name.
    #[default]
    Domain,
    /// Dotted IPv4.
    Ipv4,
    /// IPv6 in square brackets.
    Ipv6Reference,
}

/// Exactly four decimal octets without leading zeros.
fn ipv4(text: &[u8]) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let (mut index, mut value, mut digits) = (0, 0u16, 0);
    for byte in text {
        match byte {
            b'0'..=b'9' if digits == 0 || value > 0 => {
                value = value * 10 + u16::from(byte - b'0');
                digits += 1;
            }
            b'.' if digits > 0 && index < 3 => {
                index += 1;
                (value, digits) = (0, 0);
            }
            _ => return None,
        }
        octets[index] = u8::try_from(value).ok()?;
    }
    (index == 3 && digits > 0).then(|| Ipv4Addr::from(octets))
}

fn ipv6(text: &[u8]) -> Option<Ipv6Addr> {
    if text.len() > 45 || !lex::all(IP, text) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The inside of an IPv6 reference. Before a dotted tail a third colon is tolerated, to which the grammar of RFC 3261
/// leads (RFC 5118 4.10).
fn ipv6_inside(text: &[u8]) -> Option<Ipv6Addr> {
    const MAX: usize = 46;
    if text.len() > MAX || !text.contains(&b'.') {
        return ipv6(text);
    }
    match text.windows(3).position(|three| three == b":::") {
        Some(at) => ipv6(&[&text[..at], &text[at + 1..]].concat()),
        None => ipv6(text),
    }
}

fn unbracketed(text: &[u8]) -> Option<&[u8]> {
    text.strip_prefix(b"[")?.strip_suffix(b"]")
}

/// Classifies a text; `None` if it is no IP address. The whole text must match.
pub fn ip_type(text: &[u8]) -> Option<IpType> {
    if let Some(inner) = unbracketed(text) {
        ipv6_inside(inner).map(|_| IpType::Ipv6Reference)
    } else if ipv4(text).is_some() {
        Some(IpType::Ipv4)
    } else {
        ipv6(text).map(|_| IpType::Ipv6)
    }
}

/// The address, with or without brackets around IPv6.
pub fn parse_ip(text: &[u8]) -> Option<IpAddr> {
    if let Some(inner) = unbracketed(text) {
        ipv6_inside(inner).map(IpAddr::V6)
    } else {
        ipv4(text).map(IpAddr::V4).or_else(|| ipv6(text).map(IpAddr::V6))
    }
}

/// Equality by binary value. `None` if either is no IP address; addresses of different families differ.
pub fn compare_ips(a: &[u8], b: &[u8]) -> Option<bool> {
    Some(parse_ip(a)? == parse_ip(b)?)
}

/// As [`compare_ips`], but an IPv6 reference counts as no address.
pub fn compare_pure_ips(a: &[u8], b: &[u8]) -> Option<bool> {
    if a.starts_with(b"[") || b.starts_with(b"[") {
        return None;
    }
    compare_ips(a, b)
}

/// RFC 5952 text of an IPv6 address; `None` for anything else. Brackets are kept unless `pure`.
pub fn normalize_ipv6(text: &[u8], pure: bool) -> Option<String> {
    let (address, bracketed) = match unbracketed(text) {
        Some(inner) => (ipv6_inside(inner)?, true),
        None => (ipv6(text)?, false),
    };
    let address = ipv6_text(address);
    Some(if bracketed && !pure { format!("[{address}]") } else { address })
}

/// As `inet_ntop` writes it: also IPv4-compatible addresses get a dotted tail.
fn ipv6_text(address: Ipv6Addr) -> String {
    let segments = address.segments();
    if segments[..6] == [0; 6] && segments[6] != 0 {
        let octets = address.octets();
        format!("::{}.{}.{}.{}", octets[12], octets[13], octets[14], octets[15])
    } else {
        address.to_string()
    }
}

/// Cuts the brackets off an IPv6 reference; any other text is returned as it is.
pub fn to_pure_ip(text: &[u8]) -> &[u8] {
    match text {
        [b'[', inner @ .., _] => inner,
        b"[" => b"",
        _ => text,
    }
}

/// Reads `<IPv4 or IPv6>_<port>`, the text inside an unsigned UDP flow token (RFC 5626 5.2).
pub fn parse_udp_flow(text: &[u8]) -> Option<(IpAddr, u16)> {
    let at = memchr::memchr(b'_', text)?;
    let address = &text[..at];
    let mut cursor = Cursor::new(text, at + 1);
    let port = cursor.port()?;
    if !cursor.at_end() || address.starts_with(b"[") {
        return None;
    }
    Some((parse_ip(address)?, port))
}

/// Lower case without one final dot, IPv6 in normal form: the form in which hosts are compared.
pub(crate) fn normalize(text: &[u8], host_type: HostType) -> String {
    match host_type {
        HostType::Ipv6Reference => normalize_ipv6(text, false).unwrap_or_default(),
        _ => {
            let text = text.strip_suffix(b".").unwrap_or(text);
            String::from_utf8_lossy(text).to_ascii_lowercase()
        }
    }
}

/// Grammar of a host: domain, IPv4 address or IPv6 reference.
///
/// A label of a domain may begin with a digit and may be digits alone, the last one too (RFC 1123 2.1; containers and
/// telephones name themselves so). Digits with dots between them are an address or nothing: no name has that form
/// (RFC 1123 2.1), and others might read `10.1.2` as an address.
pub(crate) fn host(c: &mut Cursor<'_>) -> Option<(Span, HostType)> {
    let start = c.pos;
    if c.peek() == Some(b'[') {
        ipv6_reference(c)?;
        return Some((Span::new(start, c.pos), HostType::Ipv6Reference));
    }
    let mut last_label = start;
    let mut labels = 0;
    loop {
        if !c.peek().is_some_and(|b| lex::is(ALNUM, b)) {
            // One final dot is fine; an empty label is not.
            if c.pos == start || c.buf[c.pos - 1] != b'.' || c.peek() == Some(b'.') {
                return c.fail();
            }
            break;
        }
        last_label = c.pos;
        labels += 1;
        c.skip(LABEL);
        if !lex::is(ALNUM, c.buf[c.pos - 1]) {
            return c.fail();
        }
        if c.peek() != Some(b'.') {
            break;
        }
        c.pos += 1;
    }
    let span = Span::new(start, c.pos);
    if c.buf[last_label].is_ascii_alphabetic() {
        return Some((span, HostType::Domain));
    }
    let text = span.of(c.buf);
    if ipv4(text).is_some() {
        return Some((span, HostType::Ipv4));
    }
    if labels == 1 || text.iter().any(|b| !b.is_ascii_digit() && *b != b'.') {
        return Some((span, HostType::Domain));
    }
    c.fail()
}

/// `[` IPv6 `]`.
pub(crate) fn ipv6_reference(c: &mut Cursor<'_>) -> Option<()> {
    c.byte(b'[')?;
    let start = c.pos;
    c.skip(IP);
    if c.peek() != Some(b']') {
        return c.fail();
    }
    if ipv6_inside(&c.buf[start..c.pos]).is_none() {
        return c.fail();
    }
    c.pos += 1;
    Some(())
}

/// IPv4, or IPv6 with or without brackets (RFC 5118 4.5 asks for the tolerance).
pub(crate) fn address(c: &mut Cursor<'_>) -> Option<Span> {
    let start = c.pos;
    if c.peek() == Some(b'[') {
        ipv6_reference(c)?;
    } else {
        c.skip(IP);
        if parse_ip(&c.buf[start..c.pos]).is_none() {
            return c.fail();
        }
    }
    Some(Span::new(start, c.pos))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host_of(text: &str) -> Option<HostType> {
        let mut c = Cursor::new(text.as_bytes(), 0);
        let (span, kind) = host(&mut c)?;
        (span.end as usize == text.len()).then_some(kind)
    }

    #[test]
    fn a_host_is_a_name_unless_it_is_digits_with_dots_between_them() {
        for name in [
            "a",
            "1.2.x",
            "a_b.c-d.org.",
            "019f9ae299f5",
            "482910573926",
            "12345.",
            "pbx.1a",
            "pbx.1a.",
            "pbx.12",
            "host-1.2-3",
            "1.2.3.4x",
            "10.0.0.0x1",
            "1_2.3",
        ] {
            assert_eq!(host_of(name), Some(HostType::Domain), "{name}");
        }
        assert_eq!(host_of("10.0.0.1"), Some(HostType::Ipv4));
        assert_eq!(host_of("[2001:db8::1]"), Some(HostType::Ipv6Reference));
        assert_eq!(host_of("[2001:db8:::192.0.2.1]"), Some(HostType::Ipv6Reference));
        // RFC 1123 2.1 asks for a full check of what looks like an address, RFC 3261 25.1 has four numbers in one.
        for bad in [
            "10.1.2",
            "1.2",
            "300.1.1.1",
            "1.2.3.4.5",
            "10.0.0.256",
            "10.0.0.01",
            "10.0.0.1234",
            "10.0.0.9999",
            "10.0.0",
            "10.0..1",
            "10.0.0.1.2",
            "10.0.0.1.",
            "a..b",
            ".a",
            "-a",
            "a-",
            "a-.b",
            "",
            "[::1",
            "[x]",
            "[2001:db8:::1]",
            "[::::192.0.2.1]",
            "::1",
        ] {
            assert_eq!(host_of(bad), None, "{bad}");
        }
    }

    #[test]
    fn ip_types_need_the_complete_text() {
        assert_eq!(ip_type(b"::FFFF:10.0.0.1"), Some(IpType::Ipv6));
        assert_eq!(ip_type(b"[::2]"), Some(IpType::Ipv6Reference));
        assert_eq!(ip_type(b"10.0.0.1"), Some(IpType::Ipv4));
        for bad in [&b"10.0.0.256"[..], b"10.0.0.1 ", b"[::1x", b"[10.0.0.1]", b"fe80::1%eth0", b"", b"["] {
            assert_eq!(ip_type(bad), None);
        }
    }

    #[test]
    fn addresses_compare_by_value() {
        assert_eq!(compare_ips(b"[fd00::0:5]", b"FD00::5"), Some(true));
        assert_eq!(compare_pure_ips(b"[fd00::0:5]", b"FD00::5"), None);
        assert_eq!(compare_pure_ips(b"fd00::0:5", b"FD00::5"), Some(true));
        assert_eq!(compare_ips(b"h", b"10.0.0.1"), None);
        assert_eq!(compare_ips(b"::ffff:10.0.0.1", b"10.0.0.1"), Some(false));
    }

    #[test]
    fn ipv6_has_one_normal_form() {
        assert_eq!(normalize_ipv6(b"[FD00:0::05]", false).as_deref(), Some("[fd00::5]"));
        assert_eq!(normalize_ipv6(b"[FD00:0::05]", true).as_deref(), Some("fd00::5"));
        assert_eq!(normalize_ipv6(b"::FFFF:a00:1", false).as_deref(), Some("::ffff:10.0.0.1"));
        assert_eq!(normalize_ipv6(b"::a00:1", false).as_deref(), Some("::10.0.0.1"));
        assert_eq!(normalize_ipv6(b"::1", false).as_deref(), Some("::1"));
        assert_eq!(normalize_ipv6(b"[2001:db8:::192.0.2.1]", false).as_deref(), Some("[2001:db8::c000:201]"));
        assert_eq!(normalize_ipv6(b"2001:db8:::192.0.2.1", false), None);
        assert_eq!(normalize_ipv6(b"10.0.0.1", false), None);
        assert_eq!(normalize_ipv6(b"[::1x", false), None);
    }

    #[test]
    fn brackets_come_off() {
        assert_eq!(to_pure_ip(b"[::1]"), b"::1");
        assert_eq!(to_pure_ip(b"::1"), b"::1");
        assert_eq!(to_pure_ip(b"["), b"");
    }

    #[test]
    fn flow_text_is_address_and_port() {
        assert_eq!(parse_udp_flow(b"fd00::5_5070"), Some(("fd00::5".parse().unwrap(), 5070)));
        assert_eq!(parse_udp_flow(b"10.0.0.1_0"), None);
        assert_eq!(parse_udp_flow(b"10.0.0.1_0070"), Some(("10.0.0.1".parse().unwrap(), 70)));
        assert_eq!(parse_udp_flow(b"[::1]_5060"), None);
        assert_eq!(parse_udp_flow(b"10.0.0.1_5060x"), None);
    }
}
