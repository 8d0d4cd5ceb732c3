//! The first line of a connection that a TLS proxy passes on (PROXY protocol version 1).

use std::net::IpAddr;

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
