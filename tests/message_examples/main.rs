//! Worked examples of URIs, first lines and headers: each row is an input and its result.

mod first_lines;
mod header_lines;
mod name_addrs;
mod names_and_addresses;
mod uris;

use bytes::Bytes;
use oversip::message::{
    compare_ips, compare_pure_ips, headerize, ip_type, normalize_ipv6, parse_haproxy, parse_udp_flow,
    HeaderName, HostType, IpType, Message, Method, NameAddrRef, ParseProgress, Parser, Scheme, Started,
    SyntaxError, TransportParam, UriRef,
};

fn s(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("ASCII in these examples")
}

fn uri(text: &str) -> UriRef<'_> {
    UriRef::parse(text.as_bytes()).unwrap_or_else(|| panic!("{text} must parse"))
}

fn uri_params(text: &str) -> Vec<(String, Option<String>)> {
    let own = |b: &[u8]| s(b).to_owned();
    uri(text).params().map(|(key, value)| (own(key), value.map(own))).collect()
}

/// A message of the first line `OPTIONS sip:a@b SIP/2.0` and these header lines.
fn options(lines: &str) -> Result<Message, SyntaxError> {
    let lines = if lines.is_empty() { String::new() } else { format!("{lines}\r\n") };
    let text = format!("OPTIONS sip:a@b SIP/2.0\r\n{lines}\r\n");
    let mut parser = Parser::new();
    match parser.feed(text.as_bytes()) {
        ParseProgress::Head { len } => {
            assert_eq!(len, text.len());
            Ok(parser.take(Bytes::from(text)).expect("a complete head"))
        }
        ParseProgress::Error(error) => Err(error),
        other => panic!("{lines:?}: {other:?}"),
    }
}

fn ok(lines: &str) -> Message {
    options(lines).unwrap_or_else(|error| panic!("{lines:?}: {error}"))
}

/// Values grouped by canonical name in order of first appearance, as the Ruby Hash has them.
fn headers(message: &Message) -> Vec<(String, Vec<String>)> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for (_, name, value) in message.values() {
        let name = s(&headerize(name)).to_owned();
        let value = s(value).to_owned();
        match groups.iter_mut().find(|(n, _)| *n == name) {
            Some((_, values)) => values.push(value),
            None => groups.push((name, vec![value])),
        }
    }
    groups
}

fn header(name: &str, values: &[&str]) -> (String, Vec<String>) {
    (name.to_owned(), values.iter().map(|v| (*v).to_owned()).collect())
}
