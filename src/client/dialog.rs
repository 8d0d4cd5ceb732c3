//! Requests of a caller inside the dialog that a 2xx to its INVITE has made (RFC 3261 12.1.2, 12.2.1.1, 13.2.2.4).

use bytes::Bytes;

use super::hop_count::MAX_FORWARDS;
use super::strict_route::{last_route, strict_router};
use crate::message::{is_sips, HeaderName, Headers, Message, Method, RequestSnapshot};

/// A request inside a dialog.
#[derive(Debug)]
pub struct DialogRequest {
    /// The request.
    pub request: RequestSnapshot,
    /// It goes where its first Route says, if it has one. False: the first router routes strictly, so that the Request-URI says it
    /// (RFC 3261 8.1.2).
    pub by_route: bool,
    /// The remote target is a SIPS resource, wherever a strict router has its URI.
    pub sips: bool,
}

/// A request to the callee whose 2xx this is: remote target, route set, tags and Call-ID come from the response, and so does
/// the CSeq number of an ACK; any other request has the next one. `ruri` is the Request-URI of the INVITE, for a response
/// without a Contact. A proxy that has recorded itself on the way begins behind itself: `is_own` tells its Record-Route values.
/// `None`: the response is no 2xx to an INVITE, or belongs to no dialog.
pub fn request_within(
    response: &Message,
    method: Method,
    ruri: &Bytes,
    is_own: impl Fn(&[u8]) -> bool,
) -> Option<DialogRequest> {
    if !response.is_success() || response.cseq_method() != Some(&Method::Invite) {
        return None;
    }
    let target = response
        .contact()
        .map_or_else(|| ruri.clone(), |contact| contact.uri().as_request_uri().into_owned().into());
    let sips = is_sips(&target);
    let (ruri, routes, by_route) = route(target, response, is_own);
    let number = response.cseq()?.checked_add(u32::from(method != Method::Ack))?;
    let mut headers = Headers::new();
    headers.push(b"Max-Forwards", MAX_FORWARDS.to_string().as_bytes());
    for value in routes {
        headers.push(b"Route", &value);
    }
    headers.push(b"From", response.from_value()?);
    headers.push(b"To", response.to_value()?);
    headers.push(b"Call-ID", response.call_id()?);
    headers.push(b"CSeq", &[number.to_string().as_bytes(), b" ", method.as_bytes()].concat());
    let request = RequestSnapshot { method, ruri, headers, body: Bytes::new() };
    Some(DialogRequest { request, by_route, sips })
}

/// Request-URI, Route values, and whether the first of them says where the request goes (RFC 3261 12.2.1.1). A first router that
/// routes strictly takes the Request-URI for its own address, and the remote target goes behind the last Route.
fn route(target: Bytes, response: &Message, is_own: impl Fn(&[u8]) -> bool) -> (Bytes, Vec<Bytes>, bool) {
    let recorded = Headers::from_message(response);
    let behind = recorded.list(HeaderName::RecordRoute).take_while(|value| !is_own(value));
    let mut routes: Vec<Bytes> = behind.map(copy).collect();
    routes.reverse();
    match routes.first().and_then(|first| strict_router(first)) {
        None => (target, routes, true),
        Some(router) => {
            routes.remove(0);
            routes.push(last_route(&target).into());
            (router, routes, false)
        }
    }
}

fn copy(text: &[u8]) -> Bytes {
    Bytes::copy_from_slice(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nobody(_: &[u8]) -> bool {
        false
    }

    #[test]
    fn a_proxy_begins_behind_its_own_values() {
        let more =
            "Contact: <sip:c@e>\r\nRecord-Route: <sip:p2;lr>, <sip:own;lr>\r\nRecord-Route: <sip:p0;lr>\r\n";
        let own = |value: &[u8]| value == b"<sip:own;lr>";
        let made = request_within(&response(200, more), Method::Bye, &Bytes::new(), own).expect("a request");
        let routes: Vec<_> = made.request.route_values().collect();
        assert_eq!(routes, [b"<sip:p2;lr>"]);
    }

    fn response(status: u16, more: &str) -> Message {
        let text = format!(
            "SIP/2.0 {status} OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\n\
             Call-ID: c\r\nCSeq: 7 INVITE\r\n{more}\r\n"
        );
        Message::parse(Bytes::from(text)).expect("a valid response").0
    }

    fn within(more: &str, method: Method) -> String {
        let ruri = Bytes::from_static(b"sip:c@d");
        let made = request_within(&response(200, more), method, &ruri, nobody).expect("a request");
        assert_eq!(made.by_route, !more.contains("strict"), "{more}");
        String::from_utf8(made.request.to_bytes().to_vec()).expect("text")
    }

    #[test]
    fn the_ack_follows_the_recorded_routes_backwards_to_the_contact() {
        let more = "Record-Route: <sip:p2;lr>, <sip:p1;lr>\r\nRecord-Route: <sip:p0;lr>\r\nContact: \"C\" <sip:c@h:5>;x=1\r\n";
        assert_eq!(
            within(more, Method::Ack),
            "ACK sip:c@h:5 SIP/2.0\r\nMax-Forwards: 70\r\nRoute: <sip:p0;lr>\r\nRoute: <sip:p1;lr>\r\nRoute: <sip:p2;lr>\r\n\
             From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: c\r\nCSeq: 7 ACK\r\nContent-Length: 0\r\n\r\n"
        );
    }

    #[test]
    fn a_strict_router_gets_its_own_uri() {
        for strict in ["<sip:strict>", "<sip:strict>;lr", "<sip:strict;method=INVITE?a=b>"] {
            let recorded =
                format!("Record-Route: <sip:p1;lr>\r\nRecord-Route: {strict}\r\nContact: <sip:c@h>\r\n");
            let text = within(&recorded, Method::Ack);
            assert!(text.starts_with("ACK sip:strict SIP/2.0\r\n"), "{text}");
            assert!(text.contains("\r\nRoute: <sip:p1;lr>\r\nRoute: <sip:c@h>\r\nFrom"), "{text}");
        }
    }

    #[test]
    fn a_router_whose_lr_has_a_value_or_capitals_is_loose() {
        for lr in ["lr=on", "lr=true", "LR"] {
            let text = within(&format!("Record-Route: <sip:p0;{lr}>\r\nContact: <sip:c@h>\r\n"), Method::Bye);
            assert!(text.starts_with("BYE sip:c@h SIP/2.0\r\n"), "{text}");
        }
    }

    #[test]
    fn a_sips_target_is_known_behind_a_strict_router_too() {
        let sips = |more: &str| {
            let made =
                request_within(&response(200, more), Method::Ack, &Bytes::from_static(b"SIPS:c@d"), nobody);
            made.expect("a request").sips
        };
        assert!(sips("Contact: <sips:c@h>\r\n"));
        assert!(sips("Record-Route: <sip:strict>\r\nContact: <sips:c@h>\r\n"));
        assert!(sips(""), "without a Contact the Request-URI of the INVITE is the target");
        assert!(!sips("Record-Route: <sips:p;lr>\r\nContact: <sip:c@h>\r\n"));
    }

    #[test]
    fn without_a_contact_it_goes_where_the_invite_went() {
        assert!(within("", Method::Ack).starts_with("ACK sip:c@d SIP/2.0\r\n"));
    }

    #[test]
    fn other_requests_count_on() {
        assert!(within("", Method::Bye).contains("\r\nCSeq: 8 BYE\r\n"));
    }

    #[test]
    fn what_makes_no_dialog_has_no_request() {
        let ruri = Bytes::from_static(b"sip:c@d");
        assert!(request_within(&response(404, ""), Method::Ack, &ruri, nobody).is_none());
        let text = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\n\
                    Call-ID: c\r\nCSeq: 7 BYE\r\n\r\n";
        let (bye, _) = Message::parse(Bytes::from_static(text.as_bytes())).expect("a valid response");
        assert!(request_within(&bye, Method::Ack, &ruri, nobody).is_none());
    }
}
