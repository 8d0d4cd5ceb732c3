//! Routers of RFC 2543, which route strictly: the Request-URI of what they get and send names the next hop, and the target
//! stands behind the last Route (RFC 3261 12.2.1.1, 16.4, 16.6 step 6). A URI without the parameter `lr` names one; `lr` behind
//! the angle brackets is no parameter of the URI.

use bytes::Bytes;

use crate::message::{HeaderName, NameAddrRef, RequestSnapshot};

/// The Request-URI for the router that a Route value names, when it routes strictly.
pub fn strict_router(route: &[u8]) -> Option<Bytes> {
    let uri = NameAddrRef::parse(route)?.uri();
    (uri.is_sip() && !uri.lr()).then(|| uri.as_request_uri().into_owned().into())
}

/// Makes a request ready for its next hop (RFC 3261 16.6 step 6): when the first Route names a strict router, that URI becomes
/// the Request-URI, and the Request-URI the last Route.
pub fn address_strict_router(request: &mut RequestSnapshot) {
    let Some(router) = request.route_values().next().and_then(strict_router) else { return };
    request.headers.remove_top_value(HeaderName::Route);
    let target = std::mem::replace(&mut request.ruri, router);
    request.headers.push(HeaderName::Route.canonical().as_bytes(), &last_route(&target));
}

/// The Route value for the target of a request whose Request-URI is a router's.
pub fn last_route(target: &[u8]) -> Vec<u8> {
    [b"<", target, b">"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Headers, Method};

    fn addressed(routes: &[&str]) -> (String, Vec<String>) {
        let mut headers = Headers::new();
        for route in routes {
            headers.push(b"Route", route.as_bytes());
        }
        headers.push(b"Call-ID", b"c");
        let ruri = Bytes::from_static(b"sip:bob@h;x=1");
        let mut request = RequestSnapshot { method: Method::Bye, ruri, headers, body: Bytes::new() };
        address_strict_router(&mut request);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
        (text(&request.ruri), request.route_values().map(text).collect())
    }

    fn unchanged(routes: &[&str]) {
        let same = routes.iter().map(ToString::to_string).collect();
        assert_eq!(addressed(routes), ("sip:bob@h;x=1".to_owned(), same));
    }

    #[test]
    fn a_strict_router_gets_its_own_uri_and_the_target_goes_last() {
        let behind = vec!["<sip:p1;lr>".to_owned(), "<sip:bob@h;x=1>".to_owned()];
        let router = "sip:gw@gw:5070;transport=tcp".to_owned();
        let first = "\"GW\" <sip:gw@gw:5070;transport=tcp>";
        assert_eq!(addressed(&[first, "<sip:p1;lr>"]), (router.clone(), behind.clone()));
        assert_eq!(addressed(&[&format!("{first}, <sip:p1;lr>")]), (router, behind));
        assert_eq!(addressed(&["<sip:gw>"]), ("sip:gw".to_owned(), vec!["<sip:bob@h;x=1>".to_owned()]));
    }

    #[test]
    fn lr_behind_the_brackets_says_nothing_of_the_router() {
        assert_eq!(addressed(&["<sip:gw>;lr"]).0, "sip:gw");
    }

    #[test]
    fn loose_routers_in_any_form_and_routes_behind_the_first_change_nothing() {
        unchanged(&["<sip:p;lr>", "<sip:gw>"]);
        for loose in ["<sip:p;lr=on>", "<sip:p;lr=true>", "<sip:p;LR>", "<sip:p;lr=>", "<sips:p;a=b;Lr=on;c>"]
        {
            unchanged(&[loose]);
        }
        unchanged(&[]);
    }

    #[test]
    fn what_is_no_route_is_left_alone() {
        unchanged(&["nonsense", "<sip:gw>"]);
    }
}
