//! URIs: which parts they have, and what is none.

use super::*;

#[test]
fn scheme_and_host_are_case_insensitive_and_the_text_is_kept() {
    let u = uri("SIP:Carol@PBX.Example.ORG.");
    assert_eq!(u.scheme(), Scheme::Sip);
    assert_eq!(s(u.user().unwrap()), "Carol");
    assert_eq!(u.host_normalised().as_deref(), Some("pbx.example.org"));
    assert_eq!(s(u.host().unwrap()), "PBX.Example.ORG.");
    assert_eq!(u.host_type(), Some(HostType::Domain));
    assert_eq!(s(u.text), "SIP:Carol@PBX.Example.ORG.");
    assert_eq!(s(&u.aor().unwrap()), "sip:Carol@pbx.example.org");
}

#[test]
fn ipv6_reference_is_normalised() {
    let text = "sips:[2001:DB8:0:0::00A]:6061;MAddr=X";
    let u = uri(text);
    assert_eq!(u.scheme(), Scheme::Sips);
    assert_eq!(u.host_normalised().as_deref(), Some("[2001:db8::a]"));
    assert_eq!(u.host_type(), Some(HostType::Ipv6Reference));
    assert_eq!(u.port(), Some(6061));
    assert_eq!(uri_params(text), [("MAddr".into(), Some("X".into()))]);
    assert_eq!(u.param(b"maddr"), Some(Some(&b"X"[..])));
}

#[test]
fn user_is_unescaped_and_includes_the_password() {
    assert_eq!(s(&uri("sip:d%40q%20r@h.example").user_unescaped().unwrap()), "d@q r");
    assert_eq!(s(uri("sip:d:secret@h.example").user().unwrap()), "d:secret");
    assert_eq!(uri("sip:h.example").user(), None);
}

#[test]
fn known_parameters_are_found_in_any_case() {
    let text = "sip:h.example;Transport=WsS;LR;OB=1;OvId=Q9";
    let u = uri(text);
    assert_eq!(u.transport(), Some(TransportParam::Wss));
    assert!(u.lr());
    assert!(u.ob());
    assert_eq!(u.ovid(), Some(&b"Q9"[..]));
    let keys: Vec<_> = uri_params(text).into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["Transport", "LR", "OB", "OvId"]);
    assert_eq!(u.param(b"lr"), Some(None));
    assert!(!uri("sip:h.example").lr());
    assert!(uri("sip:h;lr=").lr());
}

#[test]
fn other_transports_are_handed_on() {
    assert_eq!(uri("sip:h.example;transport=QUIC").transport(), Some(TransportParam::Other(b"QUIC")));
    assert_eq!(uri("sip:h.example;transport").transport(), None);
    assert_eq!(uri("sip:h.example;transport=a/b").transport(), None);
}

#[test]
fn a_key_with_nothing_behind_its_equals_sign_has_an_empty_value() {
    let expected = [("k".to_owned(), Some(String::new())), ("K".to_owned(), Some("2".to_owned()))];
    assert_eq!(uri_params("sip:h.example;k=;K=2"), expected);
    assert_eq!(uri("sip:h;a=1;A=2").param(b"a"), Some(Some(&b"2"[..])));
}

#[test]
fn headers_need_an_equals_sign() {
    assert_eq!(uri("sip:h.example?Subject=hi&X=").headers(), Some(&b"?Subject=hi&X="[..]));
    assert_eq!(uri("sip:h.example").headers(), None);
    assert!(UriRef::parse(b"sip:h.example?Subject").is_none());
}

#[test]
fn ports_are_bounded() {
    for bad in ["65536", "0", "00000", "00080", "99999", "123456", ""] {
        assert!(UriRef::parse(format!("sip:h.example:{bad}").as_bytes()).is_none(), "{bad}");
    }
    assert_eq!(uri("sip:h.example:0070").port(), Some(70));
    assert_eq!(uri("sip:h.example:65535").port(), Some(65535));
    assert_eq!(uri("sip:h.example").port(), None);
}

#[test]
fn hosts_that_are_none_fail() {
    for bad in
        ["sip:x@10.1.2", "sip:a@b\0", "sip:", "sip:@h", "sip:a@", " sip:h", "sip:h ", "<sip:h>", "h", ""]
    {
        assert!(UriRef::parse(bad.as_bytes()).is_none(), "{bad:?}");
    }
}

#[test]
fn telephone_numbers_lose_their_separators() {
    let text = "TEL:+1(555)-01.00;Phone-Context=Ex.ORG.;Ext=7";
    let u = uri(text);
    assert_eq!(u.scheme(), Scheme::Tel);
    assert_eq!(s(&u.number().unwrap()), "+15550100");
    assert_eq!(s(&u.phone_context().unwrap()), "ex.org");
    let expected =
        [("Phone-Context".to_owned(), Some("Ex.ORG.".to_owned())), ("Ext".to_owned(), Some("7".to_owned()))];
    assert_eq!(uri_params(text), expected);
    assert_eq!(s(&u.aor().unwrap()), "tel:+15550100");
    assert_eq!(u.user(), None);
    assert_eq!(s(&uri("tel:7-AbC#*").number().unwrap()), "7abc#*");
    assert_eq!(s(&uri("tel:7;phone-context=+1-2").phone_context().unwrap()), "+1-2");
    assert_eq!(uri("tel:7;phone-context=12").phone_context(), None);
    for bad in ["tel:", "tel:+", "tel:-", "tel:+1a", "tel:1;x=", "tel:1;a_b", "tel:1;"] {
        assert!(UriRef::parse(bad.as_bytes()).is_none(), "{bad:?}");
    }
}

#[test]
fn other_schemes_are_opaque() {
    let u = uri("URN:Service:SOS");
    assert_eq!(u.scheme(), Scheme::Other(b"URN"));
    assert_eq!(s(u.text), "URN:Service:SOS");
    assert_eq!(u.aor(), None);
    assert_eq!(u.param(b"x"), None);
    assert_eq!((u.user(), u.host(), u.port()), (None, None, None));
    for good in ["foo:", "http://u@[::1]:80/x?y", "http://[2001:db8::1]", "mailto:a@b", "x+y-z.1:/"] {
        assert!(UriRef::parse(good.as_bytes()).is_some(), "{good:?}");
    }
    for bad in ["foo:a#b", "http://[::x]/", "http:/[::1]", "http://[::1]x", "1a:b", "a b:c", "http://a/[::1]"]
    {
        assert!(UriRef::parse(bad.as_bytes()).is_none(), "{bad:?}");
    }
}

#[test]
fn user_part_may_hold_what_looks_like_parameters() {
    assert_eq!(s(uri("sip:+1;x=y?z#/@h").user().unwrap()), "+1;x=y?z#/");
    assert!(UriRef::parse(b"sip:a%4@h").is_none());
    assert!(UriRef::parse(b"sip:a@b@h").is_none());
}
