//! Values of a display name and a URI (RFC 3261 20.10).

use super::*;

fn name_addr(text: &str) -> NameAddrRef<'_> {
    NameAddrRef::parse(text.as_bytes()).unwrap_or_else(|| panic!("{text} must parse"))
}

#[test]
fn display_name_of_tokens_keeps_its_blanks() {
    let n = name_addr("Dan  Roe <sip:d@h>");
    assert_eq!(s(n.display_name().unwrap()), "Dan  Roe");
    assert_eq!(s(n.uri().text), "sip:d@h");
}

#[test]
fn quoted_display_name_keeps_its_backslashes() {
    let n = name_addr(r#""A \"q\" B"<sips:d@h;x=1>;tag=z"#);
    assert_eq!(s(n.display_name().unwrap()), r#"A \"q\" B"#);
    assert_eq!(s(n.uri().text), "sips:d@h;x=1");
    assert_eq!(name_addr("\"\" <sip:d@h>").display_name(), None);
    assert_eq!(name_addr("<sip:d@h>").display_name(), None);
}

#[test]
fn without_brackets_parameters_belong_to_the_header() {
    let n = name_addr("sip:d@h;x=1");
    assert_eq!(n.uri().params().count(), 0);
    assert_eq!(s(n.uri().text), "sip:d@h");
}

#[test]
fn what_is_no_name_addr_fails() {
    for bad in [
        "<sip:d@h>,<sip:e@h>",
        "\"x\\",
        "\"x\\\" <sip:d@h>",
        "<sip:d@h",
        "a<b<sip:h>",
        "",
        "x",
        "sip:d@h?a=b",
        "sip:d,e@h",
        "<sip:d@h>;a=b/c",
        "<sip:d@h>;a=",
        "<sip:d@h>;tag=\"x\"",
        "<>",
        "\u{e4}",
        "\"\"x\"\" <sip:d@h>",
    ] {
        assert!(NameAddrRef::parse(bad.as_bytes()).is_none(), "{bad:?}");
    }
}
