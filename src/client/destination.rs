//! Where a request is to go.

use crate::message::{NameAddrRef, RequestSnapshot, UriRef};
use crate::resolve::{Query, QueryScheme};

/// The flow that our own Route value in a request names (RFC 5626 5.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedFlow {
    /// By this token.
    Token(Vec<u8>),
    /// By something that is no token at all: it cannot be sent over.
    NoToken,
}

impl NamedFlow {
    /// The flow of a token, if there is one.
    pub fn new(token: Option<Vec<u8>>) -> NamedFlow {
        token.map_or(NamedFlow::NoToken, NamedFlow::Token)
    }

    /// Its token.
    pub fn token(&self) -> Option<&[u8]> {
        match self {
            NamedFlow::Token(token) => Some(token),
            NamedFlow::NoToken => None,
        }
    }
}

/// Where a request is to go.
#[derive(Debug, Clone)]
pub enum Destination {
    /// By RFC 3263.
    Resolve(Query),
    /// By RFC 3263 as well; it is what the request's first Route names.
    Route(Query),
    /// By RFC 3263 as well; the script names it.
    Named(Query),
    /// Over a flow (RFC 5626).
    Flow(NamedFlow),
}

impl Destination {
    /// Where a request says that it goes: its top Route where `use_route` allows that, else the Request-URI.
    pub fn of_request(request: &RequestSnapshot, use_route: bool) -> Destination {
        let route = request.route_values().next().filter(|_| use_route);
        if let Some(route) = route.and_then(NameAddrRef::parse) {
            return Destination::Route(Query::from_uri(&route.uri()));
        }
        Destination::Resolve(match UriRef::parse(&request.ruri) {
            Some(uri) => Query::from_uri(&uri),
            // What a script put there is no URI at all.
            None => Query { scheme: QueryScheme::Other, ..Query::from_destination(b"", None, None) },
        })
    }

    /// Where a proxy sends a request (RFC 3261 16.5, 16.6 step 6, RFC 5626 5.3): to what the script names, else over the flow
    /// that our own Route value names, else where the request says.
    pub fn of_proxied(
        named: Option<Query>,
        flow: Option<NamedFlow>,
        request: &RequestSnapshot,
    ) -> Destination {
        match (named, flow) {
            (Some(query), _) => Destination::Named(query),
            (None, Some(flow)) => Destination::Flow(flow),
            (None, None) => Destination::of_request(request, true),
        }
    }

    /// Where a user agent client sends a request: to what the script names, else to its Request-URI.
    pub fn of_own(named: Option<Query>, request: &RequestSnapshot) -> Destination {
        named.map_or_else(|| Destination::of_request(request, false), Destination::Named)
    }

    /// The token of the flow that the request goes over.
    pub fn flow_token(&self) -> Option<&[u8]> {
        match self {
            Destination::Flow(flow) => flow.token(),
            Destination::Resolve(_) | Destination::Route(_) | Destination::Named(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::message::{Headers, Method};
    use crate::resolve::QueryHost;

    fn request(ruri: &'static str, routes: &[&str]) -> RequestSnapshot {
        let mut headers = Headers::new();
        for route in routes {
            headers.push(b"Route", route.as_bytes());
        }
        let ruri = Bytes::from_static(ruri.as_bytes());
        RequestSnapshot { method: Method::Options, ruri, headers, body: Bytes::new() }
    }

    fn named(host: &str) -> Option<Query> {
        Some(Query::from_destination(host.as_bytes(), None, None))
    }

    /// What kind of destination it is, and its host.
    fn shown(destination: &Destination) -> (&'static str, String) {
        let (kind, query) = match destination {
            Destination::Resolve(query) => ("resolve", query),
            Destination::Route(query) => ("route", query),
            Destination::Named(query) => ("named", query),
            Destination::Flow(flow) => {
                return ("flow", String::from_utf8(flow.token().unwrap_or_default().to_vec()).expect("text"))
            }
        };
        match &query.host {
            QueryHost::Domain(domain) => (kind, domain.clone()),
            QueryHost::Ip(ip) => (kind, ip.to_string()),
        }
    }

    fn told(kind: &'static str, host: &str) -> (&'static str, String) {
        (kind, host.to_owned())
    }

    #[test]
    fn a_proxy_follows_the_script_then_the_flow_then_the_route_then_the_request_uri() {
        let routed = request("sip:a@ruri", &["<sip:route;lr>", "<sip:next;lr>"]);
        let flow = Some(NamedFlow::new(Some(b"token".to_vec())));
        let of = |named, flow| shown(&Destination::of_proxied(named, flow, &routed));
        assert_eq!(of(named("script"), flow.clone()), told("named", "script"));
        assert_eq!(of(None, flow), told("flow", "token"));
        assert_eq!(of(None, None), told("route", "route"));
        assert_eq!(
            shown(&Destination::of_proxied(None, None, &request("sip:a@ruri", &[]))),
            told("resolve", "ruri")
        );
    }

    #[test]
    fn a_flow_without_a_token_is_still_a_flow() {
        let nowhere = Destination::of_proxied(None, Some(NamedFlow::NoToken), &request("sip:a@ruri", &[]));
        assert!(matches!(nowhere, Destination::Flow(NamedFlow::NoToken)));
        assert_eq!(nowhere.flow_token(), None);
        assert_eq!(Destination::Flow(NamedFlow::Token(b"t".to_vec())).flow_token(), Some(&b"t"[..]));
    }

    #[test]
    fn a_client_of_its_own_goes_where_the_script_or_the_request_uri_says() {
        let routed = request("sip:a@ruri", &["<sip:route;lr>"]);
        assert_eq!(shown(&Destination::of_own(None, &routed)), told("resolve", "ruri"));
        assert_eq!(shown(&Destination::of_own(named("script"), &routed)), told("named", "script"));
    }

    #[test]
    fn what_is_no_uri_leads_nowhere() {
        let Destination::Resolve(query) = Destination::of_own(None, &request("what?", &[])) else {
            panic!("resolve")
        };
        assert_eq!(query.scheme, QueryScheme::Other);
    }
}
