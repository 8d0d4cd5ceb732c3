//! Matching of messages to transactions: RFC 3261 17.1.3 and 17.2.3.

use bytes::Bytes;
use oversip::message::Message;
use oversip::transaction::ServerKey;

fn message(first_line: &str, via: &str, cseq_method: &str) -> Message {
    let text = format!(
        "{first_line}\r\nVia: {via}\r\nFrom: <sip:a@example.net>;tag=1\r\nTo: <sip:b@example.net>\r\n\
         Call-ID: c\r\nCSeq: 1 {cseq_method}\r\n\r\n"
    );
    match Message::parse(Bytes::from(text)) {
        Ok((message, _)) => message,
        Err(error) => panic!("{error:?}"),
    }
}

fn request(method: &str, via: &str) -> Message {
    message(&format!("{method} sip:b@example.net SIP/2.0"), via, method)
}

fn response(method: &str, via: &str) -> Message {
    message("SIP/2.0 200 OK", via, method)
}

fn server_key(method: &str, via: &str) -> Option<ServerKey> {
    ServerKey::from_request(&request(method, via))
}

const VIA: &str = "SIP/2.0/UDP gw.example:5070;branch=z9hG4bKabc";

#[test]
fn a_retransmission_has_the_key_of_the_first_request() {
    for method in ["INVITE", "BYE", "FOO"] {
        let key = server_key(method, VIA).expect("a key");
        assert_eq!(Some(&key), server_key(method, VIA).as_ref());
    }
}

#[test]
fn a_server_key_differs_by_branch_host_port_and_method() {
    let key = server_key("INVITE", VIA);
    for other in [
        "SIP/2.0/UDP gw.example:5070;branch=z9hG4bKabd",
        "SIP/2.0/UDP gw2.example:5070;branch=z9hG4bKabc",
        "SIP/2.0/UDP gw.example:5071;branch=z9hG4bKabc",
        "SIP/2.0/UDP gw.example;branch=z9hG4bKabc",
    ] {
        assert_ne!(key, server_key("INVITE", other), "{other}");
    }
    assert_ne!(key, server_key("OPTIONS", VIA));
}

#[test]
fn branch_and_host_of_sent_by_are_compared_without_case_and_the_other_params_not_at_all() {
    for other in [
        "SIP/2.0/UDP GW.Example:5070;received=192.0.2.1;rport=9;branch=z9hG4bKabc;x=y",
        "SIP/2.0/UDP gw.example:5070;branch=z9hG4bKABC",
        "SIP/2.0/UDP gw.example:5070;BRANCH=Z9HG4BKaBc",
    ] {
        let key = server_key("INVITE", other);
        assert_eq!(server_key("INVITE", VIA), key, "{other}");
        assert_eq!(server_key("INVITE", VIA).map(|key| key.kept()), key.map(|key| key.kept()), "{other}");
    }
}

#[test]
fn a_missing_port_is_the_default_one_of_the_transport() {
    let with = |transport: &str, port: &str| {
        server_key("INVITE", &format!("SIP/2.0/{transport} gw.example{port};branch=z9hG4bKabc"))
    };
    assert_eq!(with("UDP", ""), with("UDP", ":5060"));
    assert_eq!(with("TCP", ""), with("TCP", ":5060"));
    assert_eq!(with("TLS", ""), with("TLS", ":5061"));
    assert_eq!(with("WS", ""), with("WS", ":80"));
    assert_eq!(with("wss", ""), with("WSS", ":443"));
    assert_ne!(with("TLS", ""), with("TLS", ":5060"));
}

#[test]
fn ack_and_cancel_find_their_invite() {
    let invite = server_key("INVITE", VIA);
    for method in ["ACK", "CANCEL"] {
        let message = request(method, VIA);
        assert_eq!(ServerKey::invite_key(&message), invite);
        assert_ne!(ServerKey::from_request(&message), invite, "{method} is not the INVITE again");
        let other = request(method, "SIP/2.0/UDP other.example:5070;branch=z9hG4bKabc");
        assert_ne!(ServerKey::invite_key(&other), invite);
    }
}

#[test]
fn a_branch_that_names_nothing_makes_no_key() {
    for via in ["SIP/2.0/UDP gw.example;branch=z9hG4bK", "SIP/2.0/UDP gw.example;branch=z9hG4bKx;branch=y"] {
        assert_eq!(server_key("INVITE", via), None, "{via}");
        assert_eq!(ServerKey::invite_key(&request("ACK", via)), None, "{via}");
    }
}

/// RFC 3261 17.2.3: what counts where the branch is none of RFC 3261.
mod elements_of_rfc_2543 {
    use super::*;

    /// An INVITE as such an element sends it, with one thing replaced.
    fn older(method: &str, from: &str, to: &str) -> Message {
        let text = format!(
            "{method} sip:b@example.net SIP/2.0\r\nVia: SIP/2.0/UDP gw.example;branch=4f.1\r\n\
             From: <sip:a@example.net>;tag=1\r\nTo: <sip:b@example.net>\r\nCall-ID: c\r\nCSeq: 7 {method}\r\n\r\n"
        );
        assert!(text.contains(from), "{from}");
        Message::parse(Bytes::from(text.replacen(from, to, 1))).expect("valid").0
    }

    fn key(from: &str, to: &str) -> ServerKey {
        ServerKey::from_request(&older("INVITE", from, to)).expect("a key")
    }

    const TAGGED: (&str, &str) = ("To: <sip:b@example.net>", "To: <sip:b@example.net>;tag=2");

    #[test]
    fn request_uri_tags_call_id_cseq_and_top_via_make_the_key() {
        let same = key("", "");
        assert_eq!(same, key("CSeq: 7", "Max-Forwards: 69\r\nCSeq: 07"));
        for (from, to) in [
            ("b@example", "x@example"),
            ("tag=1", "tag=2"),
            TAGGED,
            ("Call-ID: c", "Call-ID: d"),
            ("CSeq: 7", "CSeq: 8"),
            ("4f.1", "4f.2"),
            (";branch=4f.1", ""),
        ] {
            assert_ne!(same, key(from, to), "{to}");
        }
        assert_ne!(Some(same), ServerKey::from_request(&older("OPTIONS", "", "")));
    }

    #[test]
    fn a_cancel_has_the_key_of_its_invite_except_the_method() {
        assert_eq!(ServerKey::invite_key(&older("CANCEL", "", "")), Some(key("", "")));
        assert_eq!(ServerKey::invite_key(&older("CANCEL", "", "")).expect("a key").before_response(), None);
    }

    #[test]
    fn an_ack_has_the_to_tag_of_the_response_as_well() {
        let ack = ServerKey::invite_key(&older("ACK", TAGGED.0, TAGGED.1)).expect("a key");
        assert_eq!(ack, key(TAGGED.0, TAGGED.1), "inside a dialog the INVITE had it, too");
        assert_eq!(ack.before_response(), Some(key("", "")));
        assert_eq!(server_key("INVITE", VIA).expect("a key").before_response(), None);
    }
}

#[test]
fn requests_and_responses_do_not_match_each_other() {
    assert_eq!(ServerKey::from_request(&response("INVITE", VIA)), None);
    assert_eq!(ServerKey::invite_key(&response("INVITE", VIA)), None);
}
