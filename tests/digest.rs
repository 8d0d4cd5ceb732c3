//! Digest authentication against published vectors, and the rules of when a challenge is answered.

use bytes::Bytes;
use oversip::client::digest::{Authenticator, Credentials, Digested, NonceCounts};
use oversip::message::{HeaderName, Message};
use proptest::prelude::*;

fn challenge(status: u16, headers: &[&str]) -> Message {
    let text = format!(
        "SIP/2.0 {status} X\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\n\
         Call-ID: c\r\nCSeq: 1 REGISTER\r\n{}\r\n\r\n",
        headers.join("\r\n")
    );
    Message::parse(Bytes::from(text)).expect("a valid response").0
}

fn credentials(username: &str, password: &str, realm: Option<&str>) -> Credentials {
    Credentials::new(username.into(), password.into(), realm.map(str::to_owned)).expect("valid credentials")
}

struct Case {
    authenticator: Authenticator,
    counts: NonceCounts,
}

impl Case {
    fn new(list: Vec<Credentials>) -> Case {
        Case { authenticator: Authenticator::new(list), counts: NonceCounts::default() }
    }

    fn alice() -> Case {
        Case::new(vec![credentials("alice", "secret", None)])
    }

    fn answer_with(&mut self, response: &Message, request: Digested<'_>, cnonce: &str) -> bool {
        self.authenticator.answer(response, request, &mut self.counts, cnonce)
    }

    fn answer(&mut self, status: u16, headers: &[&str]) -> bool {
        let request = Digested { method: b"REGISTER", uri: b"sip:example.net", body: b"" };
        self.answer_with(&challenge(status, headers), request, "0a4f113b")
    }

    fn headers(&self) -> Vec<String> {
        let text = |(name, value): (HeaderName, &[u8])| {
            format!("{}: {}", name.canonical(), String::from_utf8_lossy(value))
        };
        self.authenticator.headers().map(text).collect()
    }
}

/// The `response` of the one header that answers a challenge.
fn response_of(user: (&str, &str), method: &[u8], uri: &[u8], cnonce: &str, challenge_line: &str) -> String {
    let mut case = Case::new(vec![credentials(user.0, user.1, None)]);
    let request = Digested { method, uri, body: b"" };
    let line = format!("WWW-Authenticate: {challenge_line}");
    assert!(case.answer_with(&challenge(401, &[&line]), request, cnonce), "answered");
    let header = case.headers().remove(0);
    let (_, rest) = header.split_once("response=\"").expect("a response");
    rest.split('"').next().unwrap_or_default().to_owned()
}

const RFC_7616_CNONCE: &str = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";

fn rfc_7616(algorithm: &str) -> String {
    let line = format!(
        "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={algorithm}, \
         nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
    );
    response_of(("Mufasa", "Circle of Life"), b"GET", b"/dir/index.html", RFC_7616_CNONCE, &line)
}

#[test]
fn md5_is_the_vector_of_rfc_7616_3_9_1() {
    assert_eq!(rfc_7616("MD5"), "8ca523f5e9506fed4657c9700eebdbec");
}

#[test]
fn sha_256_is_the_vector_of_rfc_7616_3_9_1() {
    assert_eq!(rfc_7616("SHA-256"), "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
}

/// With the value of erratum 4897: the RFC's own was made with another hash.
#[test]
fn sha_512_256_is_the_vector_of_rfc_7616_3_9_2() {
    let line = "Digest realm=\"api@example.org\", qop=\"auth\", algorithm=SHA-512-256, \
                nonce=\"5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK\", opaque=\"HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS\"";
    let cnonce = "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v";
    let response =
        response_of(("J\u{e4}s\u{f8}n Doe", "Secret, or not?"), b"GET", b"/doe.json", cnonce, line);
    assert_eq!(response, "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5");
}

#[test]
fn md5_is_the_vector_of_rfc_2617_3_5() {
    let line = "Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", \
                opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"";
    let response = response_of(("Mufasa", "Circle Of Life"), b"GET", b"/dir/index.html", "0a4f113b", line);
    assert_eq!(response, "6629fae49393a05397450978507c4ef1");
}

/// With the value of the erratum to RFC 2069 2.4.
#[test]
fn md5_without_qop_is_the_vector_of_rfc_2069() {
    let line = "Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"";
    let response = response_of(("Mufasa", "CircleOfLife"), b"GET", b"/dir/index.html", "0a4f113b", line);
    assert_eq!(response, "1949323746fe6a43ef61f9606e7febea");
}

#[test]
fn the_header_has_what_the_challenge_asks_for() {
    let mut case = Case::alice();
    let line =
        "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=SHA-256, opaque=\"o\"";
    assert!(case.answer(401, &[line]));
    let header = case.headers().remove(0);
    assert!(header.starts_with(
        "Authorization: Digest username=\"alice\", realm=\"r\", nonce=\"n\", uri=\"sip:example.net\", response=\""
    ));
    assert!(
        header.ends_with("\", algorithm=SHA-256, cnonce=\"0a4f113b\", qop=auth, nc=00000001, opaque=\"o\"")
    );
}

#[test]
fn without_qop_there_is_neither_cnonce_nor_count() {
    let mut case = Case::alice();
    assert!(case.answer(407, &["Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\""]));
    let header = case.headers().remove(0);
    assert!(header.starts_with("Proxy-Authorization: Digest "), "{header}");
    assert!(
        !header.contains("cnonce") && !header.contains("nc=") && !header.contains("algorithm"),
        "{header}"
    );
}

#[test]
fn quotation_marks_in_a_user_name_are_escaped_in_the_header_only() {
    let mut case = Case::new(vec![credentials("a\"b\\", "p", None)]);
    assert!(case.answer(401, &["WWW-Authenticate: Digest realm=\"r\", nonce=\"n\""]));
    assert!(case.headers()[0].contains("username=\"a\\\"b\\\\\","));
}

#[test]
fn a_realm_that_refuses_its_answer_gets_no_other() {
    let mut case = Case::alice();
    assert!(case.answer(401, &["WWW-Authenticate: Digest realm=\"r\", nonce=\"1\""]));
    assert!(!case.answer(401, &["WWW-Authenticate: Digest realm=\"r\", nonce=\"2\""]));
}

#[test]
fn a_stale_nonce_is_renewed_once() {
    let mut case = Case::alice();
    let stale = |nonce: &str| format!("WWW-Authenticate: Digest realm=\"r\", nonce=\"{nonce}\", stale=true");
    assert!(case.answer(401, &["WWW-Authenticate: Digest realm=\"r\", nonce=\"1\""]));
    assert!(!case.answer(401, &[&stale("1")]), "the same nonce again");
    assert!(case.answer(401, &[&stale("2")]));
    assert_eq!(case.headers().len(), 1);
    assert!(case.headers()[0].contains("nonce=\"2\""));
    assert!(!case.answer(401, &[&stale("3")]));
}

#[test]
fn proxies_and_servers_are_answered_one_after_the_other() {
    let mut case = Case::alice();
    assert!(case.answer(407, &["Proxy-Authenticate: Digest realm=\"first\", nonce=\"1\""]));
    assert!(case.answer(407, &["Proxy-Authenticate: Digest realm=\"second\", nonce=\"2\""]));
    assert!(case.answer(401, &["WWW-Authenticate: Digest realm=\"first\", nonce=\"3\""]));
    let names: Vec<String> = case.headers().iter().map(|h| h.chars().take(13).collect()).collect();
    assert_eq!(names, ["Proxy-Authori", "Proxy-Authori", "Authorization"]);
}

#[test]
fn all_realms_of_one_response_are_answered_each_with_its_credentials() {
    let mut case =
        Case::new(vec![credentials("one", "p", Some("first")), credentials("two", "p", Some("second"))]);
    let lines = [
        "WWW-Authenticate: Digest realm=\"first\", nonce=\"1\"",
        "Proxy-Authenticate: Digest realm=\"second\", nonce=\"2\"",
        "WWW-Authenticate: Digest realm=\"third\", nonce=\"3\"",
    ];
    assert!(case.answer(401, &lines));
    let headers = case.headers();
    assert_eq!(headers.len(), 2);
    assert!(headers[0].contains("username=\"one\"") && headers[1].contains("username=\"two\""));
}

#[test]
fn of_several_algorithms_the_topmost_that_is_known_is_used() {
    let mut case = Case::alice();
    let lines = [
        "WWW-Authenticate: Digest realm=\"r\", nonce=\"1\", algorithm=SHA-1024",
        "WWW-Authenticate: Digest realm=\"r\", nonce=\"2\", algorithm=SHA-256",
        "WWW-Authenticate: Digest realm=\"r\", nonce=\"3\", algorithm=MD5",
    ];
    assert!(case.answer(401, &lines));
    assert_eq!(case.headers().len(), 1);
    assert!(case.headers()[0].contains("nonce=\"2\"") && case.headers()[0].contains("algorithm=SHA-256"));
}

#[test]
fn a_nonce_that_the_server_gives_again_is_counted_on() {
    let mut case = Case::alice();
    let line = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"";
    assert!(case.answer(401, &[line]));
    case.authenticator = Authenticator::new(vec![credentials("alice", "secret", None)]);
    assert!(case.answer(401, &[line]));
    assert!(case.headers()[0].contains("nc=00000002"));
}

#[test]
fn nothing_is_answered_without_credentials_for_the_realm() {
    assert!(!Case::new(vec![]).answer(401, &["WWW-Authenticate: Digest realm=\"r\", nonce=\"n\""]));
    let mut case = Case::new(vec![credentials("alice", "secret", Some("other"))]);
    assert!(!case.answer(401, &["WWW-Authenticate: Digest realm=\"r\", nonce=\"n\""]));
    assert!(!Case::alice().answer(401, &["WWW-Authenticate: Basic realm=\"r\""]));
    assert!(!Case::alice().answer(403, &["WWW-Authenticate: Digest realm=\"r\", nonce=\"n\""]));
}

#[test]
fn a_peer_that_invents_realms_is_not_answered_for_ever() {
    let mut case = Case::alice();
    let answered = (0..100)
        .filter(|n| case.answer(407, &[&format!("Proxy-Authenticate: Digest realm=\"{n}\", nonce=\"n\"")]))
        .count();
    assert_eq!(answered, 8);
}

proptest! {
    /// Whatever a peer sends as a challenge: no panic, and an answer is one header line.
    #[test]
    fn no_challenge_breaks_the_answer(
        realm in "[ -~]{0,12}",
        nonce in r#""?[ -~]{0,12}"?"#,
        tail in r#"([a-z]{0,8}[=, ]{0,2}"?[ -~]{0,12}"?,? ?){0,4}"#,
    ) {
        let value = format!("Digest realm={realm}, nonce={nonce}, {tail}");
        let mut case = Case::alice();
        let response = challenge(401, &[&format!("WWW-Authenticate: {value}")]);
        let request = Digested { method: b"REGISTER", uri: b"sip:example.net", body: b"" };
        if case.answer_with(&response, request, "c") {
            for header in case.headers() {
                prop_assert!(header.starts_with("Authorization: Digest ") && !header.contains(['\r', '\n']));
                prop_assert_eq!(header.replace("\\\\", "").replace("\\\"", "").matches('"').count() % 2, 0);
            }
        }
    }

    /// Well-formed parameters are understood in any order.
    #[test]
    fn a_challenge_is_read_whatever_its_order(order in Just(vec![0, 1, 2, 3, 4]).prop_shuffle(), blank in "[ \t]{0,2}") {
        let parts = ["realm=\"r\"", "nonce=\"n\"", "qop=\"auth\"", "algorithm=SHA-256", "opaque=\"o\""];
        let value: Vec<String> = order.iter().map(|index| format!("{blank}{}", parts[*index])).collect();
        let mut case = Case::alice();
        let line = format!("WWW-Authenticate: Digest {}", value.join(","));
        prop_assert!(case.answer(401, &[&line]));
        prop_assert!(case.headers()[0].ends_with("algorithm=SHA-256, cnonce=\"0a4f113b\", qop=auth, nc=00000001, opaque=\"o\""));
    }
}
