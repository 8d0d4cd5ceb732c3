//! Which Record-Route or Path values a proxied request gets (RFC 3261 16.6 step 4, RFC 3327, RFC 5626, RFC 5658).

use super::listener_names::{add_code, with_token, without_token, ListenerNames};
use super::recorded::{Recorded, RoutingHeader};
use crate::message::Method;

/// Where the request came from.
#[derive(Debug, Clone, Copy)]
pub enum IncomingSide<'a> {
    /// A listener: UDP, or a connection that the peer opened.
    Listener {
        /// The listener's texts.
        names: &'a ListenerNames,
        /// The token of the flow the request came by; none when it came from this server itself (a spiral): a flow to
        /// ourselves would bring the requests of the dialog back here, without the Routes that say what next.
        flow_token: Option<&'a str>,
    },
    /// A connection that the server opened.
    OwnConnection {
        /// See [`connection_names`].
        names: &'a ListenerNames,
    },
}

/// What the decision rests on.
#[derive(Debug, Clone, Copy)]
pub struct RoutingHeaders<'a> {
    /// The request's method.
    pub method: &'a Method,
    /// The request is outside a dialog.
    pub initial: bool,
    /// The profile's flag.
    pub do_record_routing: bool,
    /// The profile's flag.
    pub record_route_all: bool,
    /// A REGISTER gets a Path: its client supports the option, or the profile adds one to all (RFC 3327 5.2).
    pub path_wanted: bool,
    /// The side the request came from.
    pub incoming: IncomingSide<'a>,
    /// The listener whose transport and family the request leaves by.
    pub outgoing: &'a ListenerNames,
    /// The request came for a SIPS resource: what follows `sips:` in the value of the side it came from (RFC 3261 16.6 step 4).
    pub incoming_sips: Option<&'a str>,
    /// It leaves for one: the same for the side it leaves by.
    pub outgoing_sips: Option<&'a str>,
    /// The request came in by that very listener.
    pub same_listener: bool,
    /// The sender wants further requests of the dialog or registration over its flow ("outgoing Outbound").
    pub outgoing_outbound: bool,
    /// The token of the flow that the request itself leaves by ("incoming Outbound").
    pub incoming_outbound: Option<&'a [u8]>,
}

/// The values to add above those already there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    /// What the values are.
    pub recorded: Recorded,
    /// The value of the incoming side.
    pub inner: Vec<u8>,
    /// The value of the outgoing side, above the inner one (double record-routing, RFC 5658).
    pub outer: Option<Vec<u8>>,
}

impl Added {
    /// The values in the order in which they stand in the message.
    pub fn values(&self) -> impl Iterator<Item = &[u8]> {
        self.outer.iter().chain(std::iter::once(&self.inner)).map(Vec::as_slice)
    }
}

/// Whether a request gets a Record-Route, or a Path where one is wanted, from a proxy that adds them.
pub fn may_be_recorded(method: &Method, initial: bool, record_route_all: bool) -> bool {
    let by_method = match method {
        Method::Register | Method::Notify => true,
        method => method.forms_dialog() && initial,
    };
    by_method || record_route_all
}

impl RoutingHeaders<'_> {
    /// The header to add, if this request gets one. `code` makes the code of the request's dialog and is asked for a
    /// Record-Route only: a Path comes back in requests of no dialog.
    pub fn decide<'c>(&self, code: impl FnOnce() -> &'c str) -> Option<Added> {
        let header = self.header()?;
        let mut inner = self.inner(header);
        let mut outer = match self.incoming_outbound {
            // The next requests of the dialog reach the flow by this value.
            Some(token) => Some(with_token(token, self.outgoing, self.outgoing_sips, header)),
            // A flow token in the inner value only means something on the side it came from. RFC 5658: both sides are named when
            // they, or their schemes, differ.
            None if self.outgoing_outbound || !self.is_one_side() => {
                Some(without_token(self.outgoing, self.outgoing_sips))
            }
            None => None,
        };
        if header == RoutingHeader::RecordRoute {
            let code = code();
            for value in outer.iter_mut().chain([&mut inner]) {
                add_code(value, code);
            }
        }
        Some(Added { recorded: self.recorded(header), inner, outer })
    }

    fn header(&self) -> Option<RoutingHeader> {
        if !self.do_record_routing || !may_be_recorded(self.method, self.initial, self.record_route_all) {
            return None;
        }
        match self.method {
            Method::Register => self.path_wanted.then_some(RoutingHeader::Path),
            _ => Some(RoutingHeader::RecordRoute),
        }
    }

    fn inner(&self, header: RoutingHeader) -> Vec<u8> {
        match self.incoming {
            IncomingSide::OwnConnection { names } => without_token(names, self.incoming_sips),
            IncomingSide::Listener { names, flow_token } => {
                let with_own_token = match (self.outgoing_outbound, self.incoming_outbound, header) {
                    (true, _, _) => true,
                    (false, Some(_), _) => false,
                    (false, None, header) => header == RoutingHeader::RecordRoute,
                };
                match flow_token.filter(|_| with_own_token) {
                    Some(token) => with_token(token.as_bytes(), names, self.incoming_sips, header),
                    None => without_token(names, self.incoming_sips),
                }
            }
        }
    }

    fn recorded(&self, header: RoutingHeader) -> Recorded {
        Recorded {
            header,
            incoming_outbound: self.incoming_outbound.is_some(),
            outgoing_outbound: self.outgoing_outbound,
        }
    }

    /// One value names both sides.
    fn is_one_side(&self) -> bool {
        self.same_listener
            && matches!(self.incoming, IncomingSide::Listener { .. })
            && self.incoming_sips == self.outgoing_sips
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::super::listener_names::connection_names;
    use super::*;
    use crate::message::Transport;

    const OVID: &str = "e51a5c9d";
    const CODE: &str = "c0dec0dec0dec0dec0dec0de";

    fn udp() -> ListenerNames {
        ListenerNames::new(Transport::Udp, "203.0.113.5", 25060, OVID)
    }

    fn tcp() -> ListenerNames {
        ListenerNames::new(Transport::Tcp, "203.0.113.5", 25060, OVID)
    }

    /// A request outside a dialog that came by one listener and leaves by another, or by the same.
    fn input<'a>(
        method: &'a Method,
        came_by: &'a ListenerNames,
        flow_token: Option<&'a str>,
        leaves_by: &'a ListenerNames,
    ) -> RoutingHeaders<'a> {
        RoutingHeaders {
            method,
            initial: true,
            do_record_routing: true,
            record_route_all: false,
            path_wanted: true,
            incoming: IncomingSide::Listener { names: came_by, flow_token },
            outgoing: leaves_by,
            incoming_sips: None,
            outgoing_sips: None,
            same_listener: came_by == leaves_by,
            outgoing_outbound: false,
            incoming_outbound: None,
        }
    }

    /// (header, inner, outer) as text.
    type Row = Option<(&'static str, String, Option<String>)>;

    fn decide(method: &Method, change: impl Fn(&mut RoutingHeaders<'_>)) -> Row {
        let (udp, tcp) = (udp(), tcp());
        let mut input = input(method, &udp, Some("_tok"), &tcp);
        change(&mut input);
        input.decide(|| CODE).map(|added| {
            let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
            (added.recorded.header.as_str(), text(added.inner), added.outer.map(text))
        })
    }

    /// What is expected, in short: `transport:user`. Record-Route values carry the code, Path values do not.
    fn row(header: &'static str, inner: &str, outer: Option<&str>) -> Row {
        let bare = |short: &str| match short.split_once(':') {
            Some(("own", _)) => "<sip:10.0.0.1:40000;transport=tcp;lr;ovid=e51a5c9d>".to_owned(),
            Some((t, "")) => format!("<sip:203.0.113.5:25060;transport={t};lr;ovid={OVID}>"),
            Some((t, user)) => match user.strip_suffix(";ob") {
                Some(user) => format!("<sip:{user}@203.0.113.5:25060;transport={t};lr;ovid={OVID};ob>"),
                None => format!("<sip:{user}@203.0.113.5:25060;transport={t};lr;ovid={OVID}>"),
            },
            None => unreachable!("rows are written with a colon"),
        };
        let full = |short: &str| match header {
            "Record-Route" => bare(short).replace('>', &format!(";ovcode={CODE}>")),
            _ => bare(short),
        };
        Some((header, full(inner), outer.map(full)))
    }

    fn own_connection(input: &mut RoutingHeaders<'_>) {
        static NAMES: LazyLock<ListenerNames> =
            LazyLock::new(|| connection_names(Transport::Tcp, "10.0.0.1:40000".parse().unwrap(), OVID));
        input.incoming = IncomingSide::OwnConnection { names: &NAMES };
    }

    #[test]
    fn plain_request_from_a_listener() {
        assert_eq!(decide(&Method::Invite, |_| ()), row("Record-Route", "udp:_tok", Some("tcp:")));
        assert_eq!(
            decide(&Method::Invite, |i| i.same_listener = true),
            row("Record-Route", "udp:_tok", None)
        );
        assert_eq!(decide(&Method::Register, |_| ()), row("Path", "udp:", Some("tcp:")));
        assert_eq!(decide(&Method::Register, |i| i.same_listener = true), row("Path", "udp:", None));
    }

    #[test]
    fn plain_request_from_a_connection_of_our_own() {
        assert_eq!(decide(&Method::Invite, own_connection), row("Record-Route", "own:", Some("tcp:")));
        assert_eq!(decide(&Method::Register, own_connection), row("Path", "own:", Some("tcp:")));
        let same = |i: &mut RoutingHeaders<'_>| {
            own_connection(i);
            i.same_listener = true;
        };
        assert_eq!(decide(&Method::Invite, same), row("Record-Route", "own:", Some("tcp:")));
    }

    #[test]
    fn outgoing_outbound() {
        for same in [false, true] {
            let change = |i: &mut RoutingHeaders<'_>| {
                i.outgoing_outbound = true;
                i.same_listener = same;
            };
            assert_eq!(decide(&Method::Invite, change), row("Record-Route", "udp:_tok", Some("tcp:")));
            assert_eq!(decide(&Method::Register, change), row("Path", "udp:_tok;ob", Some("tcp:")));
        }
    }

    #[test]
    fn incoming_outbound() {
        for same in [false, true] {
            let change = |i: &mut RoutingHeaders<'_>| {
                i.incoming_outbound = Some(b"0123456789");
                i.same_listener = same;
            };
            assert_eq!(decide(&Method::Invite, change), row("Record-Route", "udp:", Some("tcp:0123456789")));
            assert_eq!(decide(&Method::Register, change), row("Path", "udp:", Some("tcp:0123456789;ob")));
        }
    }

    #[test]
    fn incoming_outbound_on_a_connection_of_our_own() {
        let change = |i: &mut RoutingHeaders<'_>| {
            own_connection(i);
            i.incoming_outbound = Some(b"0123456789");
        };
        assert_eq!(decide(&Method::Invite, change), row("Record-Route", "own:", Some("tcp:0123456789")));
    }

    #[test]
    fn both_kinds_of_outbound() {
        let change = |i: &mut RoutingHeaders<'_>| {
            i.outgoing_outbound = true;
            i.incoming_outbound = Some(b"0123456789");
        };
        assert_eq!(decide(&Method::Invite, change), row("Record-Route", "udp:_tok", Some("tcp:0123456789")));
        assert_eq!(decide(&Method::Register, change), row("Path", "udp:_tok;ob", Some("tcp:0123456789;ob")));
    }

    #[test]
    fn which_requests_get_a_header() {
        use Method::*;
        let got = |method: &Method, initial: bool, all: bool| {
            decide(method, |i| {
                i.initial = initial;
                i.record_route_all = all;
            })
            .map(|row| row.0)
        };
        for method in [Invite, Subscribe, Refer] {
            assert_eq!(got(&method, true, false), Some("Record-Route"), "{method:?}");
            assert_eq!(got(&method, false, false), None, "{method:?}");
        }
        assert_eq!(got(&Notify, true, false), Some("Record-Route"));
        assert_eq!(got(&Notify, false, false), Some("Record-Route"));
        assert_eq!(got(&Register, true, false), Some("Path"));
        for method in [Bye, Options, Message, Ack, Publish] {
            assert_eq!(got(&method, true, false), None, "{method:?}");
            assert_eq!(got(&method, false, false), None, "{method:?}");
        }
        for method in [Invite, Bye, Options, Message, Notify] {
            for initial in [true, false] {
                assert_eq!(got(&method, initial, true), Some("Record-Route"), "{method:?}");
            }
        }
        assert_eq!(got(&Register, true, true), Some("Path"));
    }

    #[test]
    fn a_register_gets_a_path_only_where_it_is_wanted_and_never_a_record_route() {
        let unwanted = |i: &mut RoutingHeaders<'_>| {
            i.path_wanted = false;
            i.record_route_all = true;
            i.outgoing_outbound = true;
            i.incoming_outbound = Some(b"0123456789");
        };
        assert_eq!(decide(&Method::Register, unwanted), None);
        assert_eq!(decide(&Method::Invite, |i| i.path_wanted = false), decide(&Method::Invite, |_| ()));
    }

    #[test]
    fn a_spiral_is_named_without_a_flow() {
        let udp = udp();
        for method in [Method::Invite, Method::Register] {
            let input = input(&method, &udp, None, &udp);
            let added = input.decide(|| "").unwrap();
            let code = if added.recorded.header == RoutingHeader::RecordRoute { ";ovcode=>" } else { ">" };
            let value = udp.record_route.replace('>', code);
            assert_eq!((added.inner, added.outer), (value.into_bytes(), None));
        }
    }

    #[test]
    fn the_request_remembers_which_kind_it_got() {
        let (udp, tcp) = (udp(), tcp());
        let kind = |method: &Method, outgoing_outbound: bool, token: Option<&'static [u8]>| {
            let input = RoutingHeaders {
                outgoing_outbound,
                incoming_outbound: token,
                ..input(method, &udp, Some("_tok"), &tcp)
            };
            input.decide(|| "").unwrap().recorded.as_str()
        };
        let kinds = |method| {
            [(false, None), (true, None), (false, Some(&b"t"[..])), (true, Some(b"t"))]
                .map(|(outgoing, token)| kind(method, outgoing, token))
        };
        assert_eq!(
            kinds(&Method::Invite),
            ["rr", "outgoing_outbound_rr", "incoming_outbound_rr", "both_outbound_rr"]
        );
        assert_eq!(
            kinds(&Method::Register),
            ["path", "outgoing_outbound_path", "incoming_outbound_path", "both_outbound_path"]
        );
    }

    #[test]
    fn the_code_is_made_for_a_record_route_only() {
        let udp = udp();
        for (method, made) in [(Method::Invite, 1), (Method::Register, 0), (Method::Bye, 0)] {
            let input = input(&method, &udp, None, &udp);
            let mut asked = 0;
            input.decide(|| {
                asked += 1;
                ""
            });
            assert_eq!(asked, made, "{method:?}");
        }
    }

    /// The values, top one first, of a request that came and leaves as these say; both sides are the one TLS listener.
    fn sips_values(method: &Method, came: bool, leaves: bool, tokens: (bool, Option<&[u8]>)) -> Vec<String> {
        let tls = ListenerNames::new(Transport::Tls, "192.0.2.1", 5061, OVID);
        let input = RoutingHeaders {
            incoming_sips: tls.sips.as_deref().filter(|_| came),
            outgoing_sips: tls.sips.as_deref().filter(|_| leaves),
            outgoing_outbound: tokens.0,
            incoming_outbound: tokens.1,
            ..input(method, &tls, Some("tok"), &tls)
        };
        let added = input.decide(|| "c").expect("a value");
        added.values().map(|value| String::from_utf8(value.to_vec()).expect("text")).collect()
    }

    #[test]
    fn a_sips_request_is_recorded_by_sips_uris() {
        let tok = "<sips:tok@192.0.2.1:5061;lr;ovid=e51a5c9d;ovcode=c>";
        let bare = "<sips:192.0.2.1:5061;lr;ovid=e51a5c9d;ovcode=c>";
        assert_eq!(sips_values(&Method::Invite, true, true, (false, None)), [tok]);
        assert_eq!(sips_values(&Method::Invite, true, true, (true, None)), [bare, tok]);
        let flow = "<sips:flow@192.0.2.1:5061;lr;ovid=e51a5c9d;ovcode=c>";
        assert_eq!(sips_values(&Method::Invite, true, true, (false, Some(b"flow"))), [flow, bare]);
    }

    #[test]
    fn both_schemes_are_named_where_they_differ() {
        let tls = "192.0.2.1:5061;transport=tls;lr;ovid=e51a5c9d;ovcode=c>";
        let sips = "192.0.2.1:5061;lr;ovid=e51a5c9d;ovcode=c>";
        assert_eq!(
            sips_values(&Method::Invite, true, false, (false, None)),
            [format!("<sip:{tls}"), format!("<sips:tok@{sips}")]
        );
        assert_eq!(
            sips_values(&Method::Invite, false, true, (false, None)),
            [format!("<sips:{sips}"), format!("<sip:tok@{tls}")]
        );
    }

    #[test]
    fn the_path_of_a_sips_register_is_sips() {
        let values = sips_values(&Method::Register, true, true, (true, Some(b"flow")));
        assert_eq!(
            values,
            [
                "<sips:flow@192.0.2.1:5061;lr;ovid=e51a5c9d;ob>",
                "<sips:tok@192.0.2.1:5061;lr;ovid=e51a5c9d;ob>"
            ]
        );
        assert_eq!(
            sips_values(&Method::Register, true, true, (false, None)),
            ["<sips:192.0.2.1:5061;lr;ovid=e51a5c9d>"]
        );
    }

    #[test]
    fn nothing_is_added_when_the_profile_says_so() {
        for method in [Method::Invite, Method::Register, Method::Notify, Method::Bye] {
            let off = decide(&method, |i| {
                i.do_record_routing = false;
                i.record_route_all = true;
            });
            assert_eq!(off, None);
        }
    }

    #[test]
    fn the_outer_value_stands_above_the_inner_one() {
        let added = Added {
            recorded: Recorded {
                header: RoutingHeader::RecordRoute,
                incoming_outbound: false,
                outgoing_outbound: false,
            },
            inner: b"inner".to_vec(),
            outer: Some(b"outer".to_vec()),
        };
        assert_eq!(added.values().collect::<Vec<_>>(), [&b"outer"[..], b"inner"]);
    }
}
