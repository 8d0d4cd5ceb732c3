//! Header names: the known ones as numbers, the canonical spelling of all.

use std::borrow::Cow;

macro_rules! header_names {
    ($($variant:ident $text:literal $($compact:literal)?;)*) => {
        /// A header name whose spelling at least is known (RFC 3261 20 and the RFCs that add to it).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum HeaderName {
            $(#[doc = concat!("`", $text, "`.")] $variant,)*
            /// Any other name.
            Other,
        }

        /// The spellings as patterns, which the compiler makes a decision tree of.
        #[allow(non_upper_case_globals)]
        mod spelling {
            $(pub(super) const $variant: &[u8] = $text.as_bytes();)*
        }

        /// The name that is spelled exactly so.
        fn spelled(name: &[u8]) -> Option<HeaderName> {
            match name {
                $(spelling::$variant => Some(HeaderName::$variant),)*
                _ => None,
            }
        }

        /// In the order of the enum.
        const KNOWN: &[(HeaderName, &str, u8)] = &[$((HeaderName::$variant, $text, header_names!(@ $($compact)?)),)*];
    };
    (@) => { 0 };
    (@ $compact:literal) => { $compact };
}

header_names! {
    Via "Via" b'v';
    From "From" b'f';
    To "To" b't';
    CallId "Call-ID" b'i';
    CSeq "CSeq";
    MaxForwards "Max-Forwards";
    ContentLength "Content-Length" b'l';
    Contact "Contact" b'm';
    Route "Route";
    RecordRoute "Record-Route";
    Path "Path";
    Require "Require";
    ProxyRequire "Proxy-Require";
    Supported "Supported" b'k';
    Accept "Accept";
    AcceptContact "Accept-Contact" b'a';
    AcceptEncoding "Accept-Encoding";
    AcceptLanguage "Accept-Language";
    AlertInfo "Alert-Info";
    Allow "Allow";
    AllowEvents "Allow-Events" b'u';
    AuthenticationInfo "Authentication-Info";
    Authorization "Authorization";
    CallInfo "Call-Info";
    ContentDisposition "Content-Disposition";
    ContentEncoding "Content-Encoding" b'e';
    ContentLanguage "Content-Language";
    ContentType "Content-Type" b'c';
    Date "Date";
    Event "Event" b'o';
    ErrorInfo "Error-Info";
    Expires "Expires";
    Identity "Identity" b'y';
    IdentityInfo "Identity-Info" b'n';
    InReplyTo "In-Reply-To";
    MinExpires "Min-Expires";
    MimeVersion "MIME-Version";
    Organization "Organization";
    PAssertedIdentity "P-Asserted-Identity";
    PPreferredIdentity "P-Preferred-Identity";
    Priority "Priority";
    ProxyAuthenticate "Proxy-Authenticate";
    ProxyAuthorization "Proxy-Authorization";
    Reason "Reason";
    ReferTo "Refer-To" b'r';
    ReferredBy "Referred-By" b'b';
    RejectContact "Reject-Contact" b'j';
    ReplyTo "Reply-To";
    RequestDisposition "Request-Disposition" b'd';
    RetryAfter "Retry-After";
    Server "Server";
    SessionExpires "Session-Expires" b'x';
    Subject "Subject" b's';
    Timestamp "Timestamp";
    Unsupported "Unsupported";
    UserAgent "User-Agent";
    Warning "Warning";
    WwwAuthenticate "WWW-Authenticate";
}

/// Index into [`KNOWN`] plus one for each compact form, by letter.
static BY_COMPACT: [u8; 26] = by_compact();

const fn by_compact() -> [u8; 26] {
    let mut table = [0; 26];
    let mut i = 0;
    while i < KNOWN.len() {
        if KNOWN[i].2 != 0 {
            table[(KNOWN[i].2 - b'a') as usize] = i as u8 + 1;
        }
        i += 1;
    }
    table
}

impl HeaderName {
    /// The known name that these bytes spell, in any letter case or in compact form (RFC 3261 7.3.1, 7.3.3).
    pub fn lookup(name: &[u8]) -> HeaderName {
        match name {
            [] => HeaderName::Other,
            [letter] => match letter.to_ascii_lowercase() {
                letter @ b'a'..=b'z' => Self::at(BY_COMPACT[(letter - b'a') as usize]),
                _ => HeaderName::Other,
            },
            // Most senders write a name as it is listed, which is the quicker comparison.
            _ => spelled(name).unwrap_or_else(|| {
                let same = KNOWN.iter().find(|known| name.eq_ignore_ascii_case(known.1.as_bytes()));
                same.map_or(HeaderName::Other, |known| known.0)
            }),
        }
    }

    fn at(index_plus_one: u8) -> HeaderName {
        match index_plus_one {
            0 => HeaderName::Other,
            index => KNOWN[index as usize - 1].0,
        }
    }

    /// The canonical spelling; empty for [`HeaderName::Other`].
    pub fn canonical(self) -> &'static str {
        KNOWN.get(self as usize).map_or("", |known| known.1)
    }

    /// True for headers whose value has a grammar of its own. Blanks at their end carry no meaning.
    pub(crate) fn is_structured(self) -> bool {
        use HeaderName::*;
        matches!(
            self,
            Via | From
                | To
                | CallId
                | CSeq
                | MaxForwards
                | ContentLength
                | Contact
                | Route
                | Require
                | ProxyRequire
                | Supported
        )
    }
}

/// Canonical spelling of any header name: the listed one if the name is known (compact forms expanded); a single
/// unknown letter in lower case; else the first letter and each letter after `-` or `_` in upper case, all others
/// in lower case.
pub fn headerize(name: &[u8]) -> Cow<'static, [u8]> {
    let known = HeaderName::lookup(name);
    if known != HeaderName::Other {
        return Cow::Borrowed(known.canonical().as_bytes());
    }
    if let [letter] = name {
        return Cow::Owned(vec![letter.to_ascii_lowercase()]);
    }
    let mut start = true;
    let spelled = name.iter().map(|byte| {
        let cased = if start { byte.to_ascii_uppercase() } else { byte.to_ascii_lowercase() };
        start = *byte == b'-' || *byte == b'_';
        cased
    });
    Cow::Owned(spelled.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_name_is_found_in_any_case() {
        for (index, (name, text, _)) in KNOWN.iter().enumerate() {
            assert_eq!(*name as usize, index);
            assert_eq!(HeaderName::lookup(text.as_bytes()), *name);
            assert_eq!(HeaderName::lookup(text.to_uppercase().as_bytes()), *name);
            assert_eq!(HeaderName::lookup(text.to_lowercase().as_bytes()), *name);
            assert_eq!(name.canonical(), *text);
        }
    }

    #[test]
    fn compact_forms_are_expanded_and_unknown_letters_are_not() {
        assert_eq!(HeaderName::lookup(b"V"), HeaderName::Via);
        assert_eq!(HeaderName::lookup(b"x"), HeaderName::SessionExpires);
        assert_eq!(HeaderName::lookup(b"z"), HeaderName::Other);
        assert_eq!(HeaderName::lookup(b"-"), HeaderName::Other);
        assert_eq!(HeaderName::lookup(b""), HeaderName::Other);
    }

    #[test]
    fn extra_names_are_spelled_as_the_general_rule_would() {
        // Names that are numbered for speed only must not change what headerize answers for them.
        for text in ["Path", "Reason", "P-Asserted-Identity", "P-Preferred-Identity"] {
            assert_eq!(&headerize(text.to_lowercase().as_bytes())[..], text.as_bytes());
        }
    }

    #[test]
    fn unknown_names_are_cased_after_separators_only() {
        for (name, canonical) in [
            ("p-foo_BAR", "P-Foo_Bar"),
            ("SIP-ETag", "Sip-Etag"),
            ("min-SE", "Min-Se"),
            ("call_ID", "Call_Id"),
            ("x.yZ", "X.yz"),
            ("", ""),
            ("Z", "z"),
        ] {
            assert_eq!(&headerize(name.as_bytes())[..], canonical.as_bytes());
        }
        assert_eq!(&headerize(b"a\xc3\x84b")[..], b"A\xc3\x84b");
    }
}
