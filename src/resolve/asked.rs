//! The destination that a resolution is for, as the text by which the DNS cache knows it and as its parts.

use std::fmt;

use super::query::{Query, QueryScheme, QueryTransport};

/// What of a destination decides where it leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// `sip` or `sips`.
    pub scheme: String,
    /// The name, in lower case.
    pub host: String,
    /// The port, if the destination has one.
    pub port: Option<u16>,
    /// The transport, if the destination asks for one that requests can leave by.
    pub transport: Option<String>,
}

/// `scheme|host|port|transport`, the host in lower case, absent parts empty.
pub(super) fn cache_key(query: &Query, name: &str) -> String {
    let scheme = match query.scheme {
        QueryScheme::Sips => "sips",
        QueryScheme::Sip | QueryScheme::Other => "sip",
    };
    let port = query.port.map(|port| port.to_string()).unwrap_or_default();
    let transport = match query.transport {
        Some(QueryTransport::Known(transport)) => transport.as_str(),
        Some(QueryTransport::Unknown) | None => "",
    };
    format!("{scheme}|{}|{port}|{transport}", name.to_ascii_lowercase())
}

impl Asked {
    /// The parts of an [`Inquiry::cache_key`](super::Inquiry::cache_key). A host may hold a bar: nobody has checked it.
    pub fn of_cache_key(key: &str) -> Option<Asked> {
        let (scheme, rest) = key.split_once('|')?;
        let (rest, transport) = rest.rsplit_once('|')?;
        let (host, port) = rest.rsplit_once('|')?;
        let transport = Some(transport.to_owned()).filter(|transport| !transport.is_empty());
        Some(Asked { scheme: scheme.to_owned(), host: host.to_owned(), port: port.parse().ok(), transport })
    }
}

/// As a SIP URI.
impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.scheme, self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        if let Some(transport) = &self.transport {
            write!(f, ";transport={transport}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Transport;
    use crate::resolve::QueryHost;

    fn asked(port: Option<u16>, transport: Option<Transport>, name: &str) -> Option<Asked> {
        let host = QueryHost::Domain(name.to_owned());
        let transport = transport.map(QueryTransport::Known);
        let query = Query { scheme: QueryScheme::Sips, host, maddr: None, port, transport };
        Asked::of_cache_key(&cache_key(&query, name))
    }

    fn parts(host: &str, port: Option<u16>, transport: Option<&str>) -> Option<Asked> {
        let transport = transport.map(str::to_owned);
        Some(Asked { scheme: "sips".to_owned(), host: host.to_owned(), port, transport })
    }

    #[test]
    fn a_key_has_the_parts_that_it_was_made_of() {
        assert_eq!(asked(None, None, "Example.NET"), parts("example.net", None, None));
        assert_eq!(asked(Some(5070), Some(Transport::Tcp), "b"), parts("b", Some(5070), Some("tcp")));
        assert_eq!(asked(None, Some(Transport::Udp), "a|1|b"), parts("a|1|b", None, Some("udp")));
        assert_eq!(Asked::of_cache_key("example.net"), None);
    }
}
