//! The first line of a connection that a TLS proxy passes on (PROXY protocol version 1).

use std::net::{IpAddr, SocketAddr};

use super::host;
use super::lex::Cursor;

/// Reads a `PROXY TCP4` or `PROXY TCP6` line at the start of `data`: its length with CRLF, source address and source
/// port. `None` for anything else, an incomplete line included.
pub fn parse_haproxy(data: &[u8]) -> Option<(usize, IpAddr, u16)> {
    let end = memchr::memchr(b'\n', data.get(..data.len().min(128))?)? + 1;
    let line = data[..end].strip_suffix(b"\r\n")?;
    let rest = line.strip_prefix(b"PROXY TCP4 ").or_else(|| line.strip_prefix(b"PROXY TCP6 "))?;
    let mut fields = rest.split(|b| *b == b' ');
    let source = address(fields.next()?)?;
    address(fields.next()?)?;
    let source_port = port(fields.next()?)?;
    port(fields.next()?)?;
    fields.next().is_none().then_some((end, source, source_port))
}

/// The client that a complete line names. Nothing inside for `PROXY UNKNOWN`: the proxy speaks for itself, as in its checks
/// whether we live, and what else the line says means nothing.
pub fn proxied_client(line: &[u8]) -> Option<Option<SocketAddr>> {
    match line.strip_prefix(b"PROXY UNKNOWN") {
        Some(b"\r\n") => Some(None),
        Some([b' ', rest @ ..]) if rest.ends_with(b"\r\n") => Some(None),
        _ => parse_haproxy(line).map(|(_, ip, port)| Some(SocketAddr::new(ip, port))),
    }
}

fn address(text: &[u8]) -> Option<IpAddr> {
    host::parse_ip(text).filter(|_| !text.starts_with(b"["))
}

fn port(text: &[u8]) -> Option<u16> {
    let mut c = Cursor::new(text, 0);
    let port = c.port()?;
    c.at_end().then_some(port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_follows_the_address_not_the_keyword() {
        let line = b"PROXY TCP4 10.0.0.1 10.0.0.2 4000 5061\r\nREGI";
        assert_eq!(parse_haproxy(line), Some((40, "10.0.0.1".parse().unwrap(), 4000)));
        let line = b"PROXY TCP4 fd00::1 fd00::2 4000 5061\r\n";
        assert_eq!(parse_haproxy(line), Some((38, "fd00::1".parse().unwrap(), 4000)));
    }

    #[test]
    fn a_proxy_that_does_not_know_the_client_says_so() {
        let client = "10.0.0.1:4000".parse().unwrap();
        for (line, named) in [
            (&b"PROXY TCP4 10.0.0.1 10.0.0.2 4000 5061\r\n"[..], Some(Some(client))),
            (b"PROXY UNKNOWN\r\n", Some(None)),
            (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", Some(None)),
            (b"PROXY UNKNOWN", None),
            (b"PROXY UNKNOWN\n", None),
            (b"PROXY UNKNOWN x\n", None),
            (b"PROXY UNKNOWNX\r\n", None),
            (b"PROXY unknown\r\n", None),
        ] {
            assert_eq!(proxied_client(line), named, "{line:?}");
        }
    }

    #[test]
    fn anything_else_is_no_proxy_line() {
        for bad in [
            &b"PROXY UNKNOWN\r\n"[..],
            b"PROXY TCP4 10.0.0.1 10.0.0.2 4000 5061",
            b"PROXY TCP4 10.0.0.1  10.0.0.2 4000 5061\r\n",
            b"PROXY TCP4 10.0.0.1 10.0.0.2 4000 5061 \r\n",
            b"PROXY TCP4 10.0.0.1 10.0.0.2 0 5061\r\n",
            b"",
        ] {
            assert_eq!(parse_haproxy(bad), None);
        }
    }
}
