//! Requests of a previous hop that routes strictly (RFC 3261 16.4).

use bytes::Bytes;

use super::header_name::HeaderName;
use super::parsed::FirstLine;
use super::received::Message;

impl Message {
    /// Undoes what a strict router has done to a request whose Request-URI is a Record-Route value of ours: the last Route value
    /// becomes the Request-URI again and is no Route any more. `None`: there is no Route.
    pub fn from_strict_router(&self) -> Option<Message> {
        let FirstLine::Request { uri: Some(own), .. } = self.parsed.first else { return None };
        let of_line = |index: u32| self.parsed.lines.get(index as usize);
        let is_route = |index: u32| of_line(index).is_some_and(|line| line.name == HeaderName::Route);
        let mut routes = self.parsed.elements.iter().rev().filter(|element| is_route(element.line));
        let (last, before) = (routes.next()?, routes.next());
        let (_, target) = self.routes().last()?;
        let cut = match before.filter(|before| before.line == last.line) {
            Some(before) => before.text.end as usize..last.text.end as usize,
            None => {
                let line = of_line(last.line)?;
                line.name_text.start as usize..line.end as usize
            }
        };
        let (head, own) = (self.head_bytes(), own.text.start as usize..own.text.end as usize);
        let target = target.uri().as_request_uri();
        let parts = [&head[..own.start], &target[..], &head[own.end..cut.start], &head[cut.end..]];
        let mut message = self.with_head(parts.concat())?;
        message.strict_route = Some(Bytes::copy_from_slice(&head[own]));
        Some(message)
    }

    /// The Request-URI that the request had before [`Message::from_strict_router`] gave it another one: a Route value above all
    /// others, had the previous hop routed loosely.
    pub fn strict_route(&self) -> Option<&Bytes> {
        self.strict_route.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::super::uri::UriRef;
    use super::*;

    /// A request with these Route lines, as a strict router sent it.
    fn received(routes: &[&str]) -> Message {
        let routes: String = routes.iter().map(|route| format!("{route}\r\n")).collect();
        let text = format!(
            "BYE sip:tok@us;lr;ovid=1 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\n{routes}From: <sip:a@b>;tag=1\r\n\
             To: <sip:c@d>;tag=2\r\nCall-ID: c\r\nCSeq: 7 BYE\r\nContent-Length: 2\r\n\r\n"
        );
        let (mut message, _) = Message::parse(text.into()).expect("a valid request");
        message.set_body(Bytes::from_static(b"hi"));
        message
    }

    fn restored(routes: &[&str]) -> (String, Vec<String>) {
        let message = received(routes).from_strict_router().expect("a request with a Route");
        assert_eq!(message.strict_route().map(|uri| &uri[..]), Some(&b"sip:tok@us;lr;ovid=1"[..]));
        assert_eq!(
            (message.body().as_ref(), message.to_tag(), message.num_vias()),
            (&b"hi"[..], Some(&b"2"[..]), 1)
        );
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
        (text(message.ruri().expect("a URI").text), message.routes().map(|(value, _)| text(value)).collect())
    }

    #[test]
    fn the_last_route_becomes_the_request_uri() {
        let none: [String; 0] = [];
        let kept = ["<sip:p1;lr>", "<sip:p2>;a"].map(str::to_owned);
        let target = "sip:c@h:5;x=1".to_owned();
        let last = "\"C\" <sip:c@h:5;x=1;method=BYE?a=b>;p=q";
        assert_eq!(restored(&[&format!("Route: {last}")]), (target.clone(), none.to_vec()));
        for routes in [
            &["Route: <sip:p1;lr>, <sip:p2>;a , %"][..],
            &["Route: <sip:p1;lr>", "Subject: x", "ROUTE : <sip:p2>;a", "Route: %"],
            &["Route: <sip:p1;lr>", "Route: <sip:p2>;a,\r\n %", "Subject: x"],
            &["Route: <sip:p1;lr>", "Route: <sip:p2>;a", "Route: ,%,,"],
        ] {
            let routes: Vec<String> = routes.iter().map(|line| line.replace('%', last)).collect();
            let routes: Vec<&str> = routes.iter().map(String::as_str).collect();
            assert_eq!(restored(&routes), (target.clone(), kept.to_vec()), "{routes:?}");
        }
    }

    #[test]
    fn what_may_not_stand_in_a_request_uri_is_left_out() {
        let rows = [
            ("sip:gw@h;method=INVITE;x=1", "sip:gw@h;x=1"),
            ("sip:gw@h;x;Method=INVITE?Subject=a", "sip:gw@h;x"),
            ("sip:gw@h?Subject=a", "sip:gw@h"),
            ("sip:h", "sip:h"),
            ("tel:+1;method=x", "tel:+1;method=x"),
        ];
        for (uri, expected) in rows {
            let parsed = UriRef::parse(uri.as_bytes()).expect(uri);
            assert_eq!(String::from_utf8_lossy(&parsed.as_request_uri()), expected);
        }
    }

    #[test]
    fn without_a_route_there_is_nothing_to_undo() {
        assert!(received(&[]).from_strict_router().is_none());
    }
}
