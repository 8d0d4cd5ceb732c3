//! Which Route values of a request are ours, and what they say (RFC 3261 16.4, RFC 5626 5.3).

use std::borrow::Cow;

use super::aliases::LocalAliases;
use super::outbound::OutboundFacts;
use super::Transport;
use crate::message::{Scheme, TransportParam, UriRef};

/// How Route values are recognised, and what is known of the request.
#[derive(Debug, Clone, Copy)]
pub struct LooseRoute<'a> {
    /// The facts about the sender's flow.
    pub outbound: OutboundFacts,
    /// The names of this server.
    pub aliases: &'a LocalAliases,
    /// The mark of this process in its own Route values.
    pub ovid: &'a str,
}

/// The flow that a token names, to a request that comes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenFlow {
    /// The one that the request has come by.
    Own,
    /// Another one that can be sent over.
    Other,
    /// None: the token is not ours, or its connection is gone.
    None,
}

/// Whether the removed Route values lead to a flow ("incoming Outbound").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IncomingFlow {
    /// They do not: the request goes where its remaining Route or its Request-URI says.
    None,
    /// It goes to the flow of the token.
    Requested,
    /// It asks for a flow that is gone, or with a token that is not ours: the proxy replies 430.
    Failed,
}

/// What [`LooseRoute::apply`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LooseRouteOutcome {
    /// How many values to remove from the top of the Route header.
    pub strip: usize,
    /// The answer of `loose_route`: there is a route to follow.
    pub result: bool,
    /// The sender wants to be reached over its flow.
    pub outgoing_outbound: bool,
    /// The token found, even when it leads nowhere.
    pub flow_token: Option<Vec<u8>>,
    /// What it leads to.
    pub incoming: IncomingFlow,
}

impl LooseRoute<'_> {
    /// Looks at the URIs of all Route values; `taken` is the one that a strict router has put into the Request-URI (16.4), before
    /// all others. `flow_of` says which flow a token names. It is asked once at most.
    pub fn apply<'u>(
        &self,
        taken: Option<UriRef<'u>>,
        routes: impl IntoIterator<Item = UriRef<'u>>,
        flow_of: impl FnOnce(&[u8]) -> TokenFlow,
    ) -> LooseRouteOutcome {
        let mut total = 0;
        let mut strip = 0_usize;
        let mut preloaded_ob = false;
        let mut last: Option<UriRef<'u>> = None;
        let outside = usize::from(taken.is_some());
        for uri in taken.into_iter().chain(routes) {
            if strip == total {
                let marked = uri.ovid() == Some(self.ovid.as_bytes());
                if marked || self.is_local(&uri) {
                    strip += 1;
                    preloaded_ob |= !marked && uri.ob();
                    last = Some(uri);
                }
            }
            total += 1;
        }
        let initial = self.outbound.initial;
        let flow_token = match (strip == total && strip <= 2, last) {
            (true, Some(uri)) => flow_token(&uri),
            _ => None,
        };
        LooseRouteOutcome {
            strip: strip.saturating_sub(outside),
            result: if initial { total > strip } else { strip > 0 },
            outgoing_outbound: self.outbound.outgoing_outbound(preloaded_ob),
            incoming: flow_token.as_deref().map_or(IncomingFlow::None, |token| self.incoming(flow_of(token))),
            flow_token: flow_token.map(Cow::into_owned),
        }
    }

    /// Whether a URI is `sip` or `sips` and names this server.
    pub fn is_local(&self, uri: &UriRef<'_>) -> bool {
        local_uri(uri, self.aliases)
    }

    /// RFC 5626 5.3.1: the request goes over the flow of the token, unless it just came over it.
    fn incoming(&self, flow: TokenFlow) -> IncomingFlow {
        match flow {
            TokenFlow::Own => IncomingFlow::None,
            TokenFlow::Other => IncomingFlow::Requested,
            TokenFlow::None if self.outbound.initial => IncomingFlow::Failed,
            // Inside a dialog the Request-URI still says where to go.
            TokenFlow::None => IncomingFlow::None,
        }
    }
}

/// Whether a URI is `sip` or `sips` and leads to this server, by its `maddr` if it has one, else by its host (RFC 3263 4); its
/// transport does not matter.
pub fn local_uri(uri: &UriRef<'_>, aliases: &LocalAliases) -> bool {
    match uri.maddr().unwrap_or_else(|| uri.host_normalised()) {
        Some(host) => aliases.contains(&host, uri.port()),
        None => false,
    }
}

/// The port at which a URI wants to be reached by a transport, explicitly or by default (RFC 3261 19.1.2, RFC 7118 5). `None`: it
/// does not want to be reached by this transport.
pub fn port_for(uri: &UriRef<'_>, transport: Transport) -> Option<u16> {
    let secure = match uri.scheme() {
        Scheme::Sip => false,
        Scheme::Sips => true,
        Scheme::Tel | Scheme::Other(_) => return None,
    };
    let fits = match (uri.transport(), secure) {
        // A request that is too large for UDP comes by TCP (RFC 3261 18.1.1).
        (None, false) => matches!(transport, Transport::Udp | Transport::Tcp),
        (Some(TransportParam::Udp), false) => transport == Transport::Udp,
        (Some(TransportParam::Tcp), false) => transport == Transport::Tcp,
        (None | Some(TransportParam::Tcp), true) | (Some(TransportParam::Tls), _) => {
            transport == Transport::Tls
        }
        // Clients of secure WebSockets write `sip` URIs too.
        (Some(TransportParam::Ws), false) => transport.websocket(),
        (Some(TransportParam::Ws), true) | (Some(TransportParam::Wss), _) => transport == Transport::Wss,
        (Some(TransportParam::Udp), true) | (Some(TransportParam::Sctp | TransportParam::Other(_)), _) => {
            false
        }
    };
    fits.then(|| uri.port().unwrap_or(transport.default_port()))
}

/// A flow token is the user part of a Route value that carries an `ovid`. Whose `ovid` it is does not matter: it changes
/// at a restart, and the token answers for itself.
fn flow_token<'u>(uri: &UriRef<'u>) -> Option<Cow<'u, [u8]>> {
    uri.ovid()?;
    uri.user_unescaped()
}

#[cfg(test)]
mod tests {
    use super::super::aliases::ListenerAliases;
    use super::*;

    const OVID: &str = "0a1b2c3d";
    const LOCAL: &str = "sip:edge.example.net;lr";
    const FOREIGN: &str = "sip:other.example.org;lr";

    fn aliases() -> LocalAliases {
        let sip = ListenerAliases {
            hosts: vec!["10.0.0.1", "2001:db8::1", "203.0.113.5"],
            port: Some(5060),
            tls_port: None,
        };
        LocalAliases::new(&["edge.example.net"], &sip, &ListenerAliases::default())
    }

    fn facts(initial: bool) -> OutboundFacts {
        OutboundFacts {
            initial,
            outbound_listener: true,
            single_via: true,
            outbound_aware: true,
            ..Default::default()
        }
    }

    fn route_with(
        facts: OutboundFacts,
        own: Option<&str>,
        verifies: bool,
        routes: &[&str],
    ) -> LooseRouteOutcome {
        let aliases = aliases();
        let input = LooseRoute { outbound: facts, aliases: &aliases, ovid: OVID };
        let uris =
            routes.iter().map(|text| UriRef::parse(text.as_bytes()).unwrap_or_else(|| panic!("{text}")));
        input.apply(None, uris, |token| match verifies {
            _ if own.map(str::as_bytes) == Some(token) => TokenFlow::Own,
            true => TokenFlow::Other,
            false => TokenFlow::None,
        })
    }

    fn route(initial: bool, routes: &[&str]) -> LooseRouteOutcome {
        route_with(facts(initial), Some("own"), true, routes)
    }

    #[test]
    fn verified_table() {
        let with_ovid = format!("{FOREIGN};ovid={OVID}");
        let wrong_ovid = format!("{FOREIGN};ovid=ffffffff");
        let with_ob = format!("{LOCAL};ob");
        let token = "sip:tok@edge.example.net;lr;ovid=any";
        // routes, result initial, result in-dialog, stripped, incoming flow
        let rows: [(&[&str], bool, bool, usize, bool); 10] = [
            (&[], false, false, 0, false),
            (&[LOCAL], false, true, 1, false),
            (&[FOREIGN], true, false, 0, false),
            (&[LOCAL, FOREIGN, LOCAL], true, true, 1, false),
            (&[&with_ovid], false, true, 1, false),
            (&[&wrong_ovid], true, false, 0, false),
            (&[&with_ob], false, true, 1, false),
            (&[token], false, true, 1, true),
            (&[LOCAL, LOCAL, token], false, true, 3, false),
            (&["sip:tok@edge.example.net;lr"], false, true, 1, false),
        ];
        for (routes, initial, in_dialog, strip, incoming) in rows {
            for (is_initial, result) in [(true, initial), (false, in_dialog)] {
                let got = route(is_initial, routes);
                let flow = if incoming { IncomingFlow::Requested } else { IncomingFlow::None };
                assert_eq!(
                    (got.result, got.strip, got.incoming),
                    (result, strip, flow),
                    "{routes:?} {is_initial}"
                );
                let ob = routes.first() == Some(&with_ob.as_str());
                assert_eq!(got.outgoing_outbound, is_initial && ob, "{routes:?} {is_initial}");
            }
        }
    }

    #[test]
    fn a_token_may_stand_in_the_second_of_two_values() {
        let got = route(true, &[LOCAL, "sip:tok@10.0.0.1:5060;lr;ovid=x"]);
        assert_eq!((got.strip, got.incoming), (2, IncomingFlow::Requested));
        assert_eq!(got.flow_token.as_deref(), Some(&b"tok"[..]));
    }

    #[test]
    fn what_a_strict_router_has_taken_counts_but_is_not_removed_again() {
        let aliases = aliases();
        let input = LooseRoute { outbound: facts(false), aliases: &aliases, ovid: OVID };
        let uri = |text: &'static str| UriRef::parse(text.as_bytes());
        let alone = input.apply(uri(LOCAL), None, |_| TokenFlow::Other);
        assert_eq!((alone.strip, alone.result), (0, true));
        let followed =
            input.apply(uri(LOCAL), uri(LOCAL).into_iter().chain(uri(FOREIGN)), |_| TokenFlow::Other);
        assert_eq!((followed.strip, followed.result), (1, true));
        let foreign = input.apply(uri(FOREIGN), uri(LOCAL), |_| TokenFlow::Other);
        assert_eq!((foreign.strip, foreign.result), (0, false));
    }

    #[test]
    fn a_token_before_a_foreign_value_is_no_flow() {
        let got = route(true, &["sip:tok@10.0.0.1;lr;ovid=x", FOREIGN]);
        assert_eq!((got.strip, got.result, got.incoming), (1, true, IncomingFlow::None));
        assert_eq!(got.flow_token, None);
    }

    #[test]
    fn a_request_that_came_over_the_flow_of_its_token_is_not_sent_back() {
        let own = "sip:own@10.0.0.1;lr;ovid=0a1b2c3d";
        for initial in [true, false] {
            let got = route(initial, &[own]);
            assert_eq!((got.strip, got.incoming), (1, IncomingFlow::None));
            assert_eq!(got.flow_token.as_deref(), Some(&b"own"[..]));
        }
        // Without a token of its own, as on a connection that the server opened, it is another flow.
        let got = route_with(facts(false), None, true, &[own]);
        assert_eq!(got.incoming, IncomingFlow::Requested);
    }

    #[test]
    fn a_token_that_does_not_verify_fails_an_initial_request() {
        let got = route_with(facts(true), Some("own"), false, &["sip:forged@10.0.0.1;lr;ovid=0a1b2c3d"]);
        assert_eq!(got.incoming, IncomingFlow::Failed);
    }

    #[test]
    fn a_token_that_does_not_verify_counts_as_none_inside_a_dialog() {
        let got = route_with(facts(false), Some("own"), false, &["sip:gone@10.0.0.1;lr;ovid=0a1b2c3d"]);
        assert_eq!((got.result, got.strip, got.incoming), (true, 1, IncomingFlow::None));
    }

    #[test]
    fn tokens_are_unescaped_before_they_are_judged() {
        let aliases = aliases();
        let input = LooseRoute { outbound: facts(true), aliases: &aliases, ovid: OVID };
        let uri = UriRef::parse(b"sip:%5ftok@10.0.0.1;lr;ovid=x").unwrap();
        let mut seen = Vec::new();
        let got = input.apply(None, [uri], |token| {
            seen = token.to_vec();
            TokenFlow::Other
        });
        assert_eq!((seen.as_slice(), got.flow_token.as_deref()), (&b"_tok"[..], Some(&b"_tok"[..])));
    }

    #[test]
    fn an_advertised_address_is_ours() {
        assert_eq!(route(false, &["sip:203.0.113.5:5060;lr;ovid=0ld0v1d0"]).strip, 1);
        assert_eq!(route(false, &["sip:203.0.113.5;lr;transport=tcp"]).strip, 1);
        assert_eq!(route(false, &["sip:203.0.113.5:5070;lr"]).strip, 0);
    }

    #[test]
    fn hosts_are_compared_normalised_and_only_sip_uris_count() {
        assert_eq!(route(false, &["sips:EDGE.example.NET.;lr"]).strip, 1);
        assert_eq!(route(false, &["sip:[2001:DB8:0:0::1]:5060;lr"]).strip, 1);
        assert_eq!(route(false, &["tel:+123"]).strip, 0);
        assert_eq!(route(false, &["http://edge.example.net"]).strip, 0);
    }

    #[test]
    fn a_value_with_maddr_is_ours_when_maddr_is() {
        assert_eq!(route(false, &["sip:other.example.org:5060;lr;maddr=10.0.0.1"]).strip, 1);
        assert_eq!(route(false, &["sip:other.example.org;lr;maddr=[2001:DB8::1]"]).strip, 1);
        assert_eq!(route(false, &["sip:other.example.org:5070;lr;maddr=10.0.0.1"]).strip, 0);
        assert_eq!(route(false, &["sip:edge.example.net;lr;maddr=10.9.9.9"]).strip, 0);
        assert_eq!(route(false, &["sip:edge.example.net;lr;maddr="]).strip, 0);
    }

    #[test]
    fn a_uri_has_a_port_for_each_transport_that_it_may_be_reached_by() {
        let all = [Transport::Udp, Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss];
        let rows: [(&str, &[(Transport, u16)]); 12] = [
            ("sip:h", &[(Transport::Udp, 5060), (Transport::Tcp, 5060)]),
            ("sip:h:5070", &[(Transport::Udp, 5070), (Transport::Tcp, 5070)]),
            ("sip:h:5070;transport=UDP", &[(Transport::Udp, 5070)]),
            ("sip:h;transport=tcp", &[(Transport::Tcp, 5060)]),
            ("sip:h;transport=tls", &[(Transport::Tls, 5061)]),
            ("sips:h", &[(Transport::Tls, 5061)]),
            ("sips:h;transport=tcp", &[(Transport::Tls, 5061)]),
            ("sip:h;transport=ws", &[(Transport::Ws, 80), (Transport::Wss, 443)]),
            ("sips:h;transport=ws", &[(Transport::Wss, 443)]),
            ("sips:h;transport=udp", &[]),
            ("sip:h;transport=sctp", &[]),
            ("tel:+1", &[]),
        ];
        for (text, expected) in rows {
            let uri = UriRef::parse(text.as_bytes()).unwrap();
            let ports = all.into_iter().filter_map(|it| Some((it, port_for(&uri, it)?)));
            assert_eq!(ports.collect::<Vec<_>>(), expected, "{text}");
        }
    }

    #[test]
    fn ob_counts_only_on_a_value_that_is_local_by_its_name() {
        let marked = format!("sip:edge.example.net;lr;ob;ovid={OVID}");
        assert!(!route(true, &[&marked]).outgoing_outbound);
        assert!(route(true, &["sip:edge.example.net;lr;ob;ovid=other"]).outgoing_outbound);
        assert!(!route(true, &["sip:other.example.org;lr;ob"]).outgoing_outbound);
    }

    #[test]
    fn the_facts_count_without_any_route_too() {
        let got = route_with(OutboundFacts { contact_ob: true, ..facts(true) }, None, true, &[]);
        assert_eq!((got.strip, got.result, got.outgoing_outbound), (0, false, true));
    }
}
