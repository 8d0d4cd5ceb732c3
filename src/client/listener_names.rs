//! The texts by which a listener, or a connection of our own, names itself in Via, Record-Route and Path.

use std::net::SocketAddr;

use super::dialog_code::DIALOG_CODE_LEN;
use super::recorded::RoutingHeader;
use super::Transport;
use crate::message::{ip_type, IpType};

/// The texts by which a listener names itself in headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerNames {
    /// `SIP/2.0/UDP host:port`.
    pub via_core: String,
    /// `<sip:host:port;transport=udp;lr;ovid=X>`.
    pub record_route: String,
    /// What follows a flow token in a Record-Route: `@host:port;transport=udp;lr;ovid=X>`.
    pub outbound_record_route_fragment: String,
    /// What follows a flow token in a Path: the same with `;ob`.
    pub outbound_path_fragment: String,
    /// What follows `sips:`, or a flow token and `@` behind it, in the values for SIPS requests: `host:port;lr;ovid=X`. `None`: the
    /// listener is reached in the clear.
    pub sips: Option<String>,
}

impl ListenerNames {
    /// The texts of a listener. `host` is the first that is set of: the Record-Route host name (TLS and WSS only), the
    /// advertised address, the listening address; an IPv6 address is put in brackets here.
    pub fn new(transport: Transport, host: &str, port: u16, ovid: &str) -> ListenerNames {
        let host = match ip_type(host.as_bytes()) {
            Some(IpType::Ipv6) => format!("[{host}]"),
            _ => host.to_owned(),
        };
        let uri = format!("{host}:{port};transport={};lr;ovid={ovid}", transport.as_str());
        // `transport=tls` has no place in a SIPS URI (RFC 3261 26.2.2), and that of a secure WebSocket is `ws` there (RFC 7118 5.2.2).
        let sips = transport.secure().then(|| {
            let transport = if transport.websocket() { ";transport=ws" } else { "" };
            format!("{host}:{port}{transport};lr;ovid={ovid}")
        });
        ListenerNames {
            via_core: format!("SIP/2.0/{} {host}:{port}", transport.via_token()),
            record_route: format!("<sip:{uri}>"),
            outbound_record_route_fragment: format!("@{uri}>"),
            outbound_path_fragment: format!("@{uri};ob>"),
            sips,
        }
    }
}

/// The texts by which a connection is named that the server itself opened: by its local end.
pub fn connection_names(transport: Transport, local: SocketAddr, ovid: &str) -> ListenerNames {
    ListenerNames::new(transport, &local.ip().to_string(), local.port(), ovid)
}

/// As much as [`add_code`] adds.
const CODE_ROOM: usize = ";ovcode=".len() + DIALOG_CODE_LEN;

/// Puts the code of a dialog behind the other parameters of `<sip:...>`.
pub(super) fn add_code(value: &mut Vec<u8>, code: &str) {
    let bracket = value.pop();
    value.extend_from_slice(b";ovcode=");
    value.extend_from_slice(code.as_bytes());
    value.extend(bracket);
}

/// `<sips:...>` with what follows the scheme, else `<sip:...>` as the listener has it.
pub(super) fn without_token(names: &ListenerNames, sips: Option<&str>) -> Vec<u8> {
    let parts = match sips {
        Some(sips) => ["<sips:", sips, ">"],
        None => [&*names.record_route, "", ""],
    };
    let len: usize = parts.iter().map(|part| part.len()).sum();
    let mut value = Vec::with_capacity(len + CODE_ROOM);
    parts.iter().for_each(|part| value.extend_from_slice(part.as_bytes()));
    value
}

/// `<sip:TOKEN@...>` with the fragment that fits the header, or `<sips:TOKEN@...>`. A token is received text: what may not
/// stand in a user part is escaped again (RFC 3261 25.1).
pub(super) fn with_token(
    token: &[u8],
    names: &ListenerNames,
    sips: Option<&str>,
    header: RoutingHeader,
) -> Vec<u8> {
    let (scheme, at, rest, end) = match (sips, header) {
        (None, RoutingHeader::RecordRoute) => ("<sip:", "", &*names.outbound_record_route_fragment, ""),
        (None, RoutingHeader::Path) => ("<sip:", "", &*names.outbound_path_fragment, ""),
        (Some(sips), RoutingHeader::RecordRoute) => ("<sips:", "@", sips, ">"),
        (Some(sips), RoutingHeader::Path) => ("<sips:", "@", sips, ";ob>"),
    };
    let mut value = Vec::with_capacity(11 + token.len() + rest.len() + CODE_ROOM);
    value.extend_from_slice(scheme.as_bytes());
    for &byte in token {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/:".contains(&byte) {
            value.push(byte);
        } else {
            value.push(b'%');
            value.extend_from_slice(super::hex::hex(&[byte]).to_ascii_uppercase().as_bytes());
        }
    }
    for part in [at, rest, end] {
        value.extend_from_slice(part.as_bytes());
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    const OVID: &str = "e51a5c9d";

    fn udp() -> ListenerNames {
        ListenerNames::new(Transport::Udp, "203.0.113.5", 25060, OVID)
    }

    fn tcp() -> ListenerNames {
        ListenerNames::new(Transport::Tcp, "203.0.113.5", 25060, OVID)
    }

    #[test]
    fn listener_texts_read_as_documented() {
        assert_eq!(
            udp(),
            ListenerNames {
                via_core: "SIP/2.0/UDP 203.0.113.5:25060".into(),
                record_route: "<sip:203.0.113.5:25060;transport=udp;lr;ovid=e51a5c9d>".into(),
                outbound_record_route_fragment: "@203.0.113.5:25060;transport=udp;lr;ovid=e51a5c9d>".into(),
                outbound_path_fragment: "@203.0.113.5:25060;transport=udp;lr;ovid=e51a5c9d;ob>".into(),
                sips: None,
            }
        );
    }

    #[test]
    fn every_transport_is_written_in_its_own_name_and_ipv6_in_brackets() {
        let v6 = ListenerNames::new(Transport::Wss, "2001:DB8::1", 10443, OVID);
        assert_eq!(v6.via_core, "SIP/2.0/WSS [2001:DB8::1]:10443");
        assert_eq!(v6.record_route, "<sip:[2001:DB8::1]:10443;transport=wss;lr;ovid=e51a5c9d>");
        let name = ListenerNames::new(Transport::Tls, "edge.example.net", 5061, OVID);
        assert_eq!(name.via_core, "SIP/2.0/TLS edge.example.net:5061");
        assert_eq!(name.sips.as_deref(), Some("edge.example.net:5061;lr;ovid=e51a5c9d"));
        assert_eq!(v6.sips.as_deref(), Some("[2001:DB8::1]:10443;transport=ws;lr;ovid=e51a5c9d"));
        assert_eq!([udp().sips, tcp().sips], [None, None]);
    }

    #[test]
    fn a_connection_of_our_own_is_named_by_its_local_end() {
        let v4 = connection_names(Transport::Tcp, "10.0.0.1:40000".parse().unwrap(), OVID).record_route;
        assert_eq!(v4, "<sip:10.0.0.1:40000;transport=tcp;lr;ovid=e51a5c9d>");
        let v6 = connection_names(Transport::Tls, "[::1]:40000".parse().unwrap(), OVID).record_route;
        assert_eq!(v6, "<sip:[::1]:40000;transport=tls;lr;ovid=e51a5c9d>");
    }

    #[test]
    fn a_received_token_cannot_break_out_of_the_user_part() {
        let value = with_token(b"a@b>\r\nX: y%\xff", &udp(), None, RoutingHeader::RecordRoute);
        let text = String::from_utf8(value).unwrap();
        assert_eq!(text, "<sip:a%40b%3E%0D%0AX:%20y%25%FF@203.0.113.5:25060;transport=udp;lr;ovid=e51a5c9d>");
    }
}
