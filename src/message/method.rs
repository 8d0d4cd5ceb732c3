//! Request methods.

use bytes::Bytes;

macro_rules! methods {
    ($($variant:ident $text:literal),* $(,)?) => {
        /// A request method. Names are case-sensitive (RFC 3261 7.1): `invite` is an unknown method.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum Method {
            $(#[doc = concat!("The method ", $text, ".")] $variant,)*
            /// Any other token.
            Other(Bytes),
        }

        impl Method {
            /// The names of all methods that are known.
            pub const NAMES: &'static [&'static str] = &[$($text),*];

            /// The method of this name. The bytes are copied if the name is unknown.
            pub fn from_bytes(name: &[u8]) -> Method {
                Method::known(name).unwrap_or_else(|| Method::Other(Bytes::copy_from_slice(name)))
            }

            pub(crate) fn known(name: &[u8]) -> Option<Method> {
                match name {
                    $(_ if name == $text.as_bytes() => Some(Method::$variant),)*
                    _ => None,
                }
            }

            /// The name as it stands on the wire.
            pub fn as_bytes(&self) -> &[u8] {
                match self {
                    $(Method::$variant => $text.as_bytes(),)*
                    Method::Other(name) => name,
                }
            }
        }
    };
}

methods! {
    Invite "INVITE", Ack "ACK", Cancel "CANCEL", Prack "PRACK", Bye "BYE", Refer "REFER", Info "INFO",
    Update "UPDATE", Options "OPTIONS", Register "REGISTER", Message "MESSAGE", Subscribe "SUBSCRIBE",
    Notify "NOTIFY", Publish "PUBLISH", Pull "PULL", Push "PUSH", Store "STORE",
}

impl Method {
    /// Methods of requests that begin a dialog (RFC 3261 12.1, RFC 6665 4.1.2.1, RFC 3515 2.4.4).
    pub const DIALOG_FORMING: [Method; 3] = [Method::Invite, Method::Subscribe, Method::Refer];

    /// Methods of requests that Outbound is meant for (RFC 5626 4.3, 5.1), and record-routing and Path with it.
    pub const OUTBOUND_AWARE: [Method; 4] =
        [Method::Invite, Method::Register, Method::Subscribe, Method::Refer];

    /// Whether a request of this method begins a dialog.
    pub fn forms_dialog(&self) -> bool {
        Self::DIALOG_FORMING.contains(self)
    }

    /// Whether Outbound is meant for requests of this method.
    pub fn is_outbound_aware(&self) -> bool {
        Self::OUTBOUND_AWARE.contains(self)
    }

    /// Whether requests of this method have responses: an ACK has none (RFC 3261 13.2.2.4).
    pub fn is_answered(&self) -> bool {
        *self != Method::Ack
    }

    /// False for a method that is not on the list.
    pub fn is_known(&self) -> bool {
        !matches!(self, Method::Other(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_case_sensitive() {
        assert_eq!(Method::from_bytes(b"INVITE"), Method::Invite);
        assert_eq!(Method::from_bytes(b"invite"), Method::Other(Bytes::from_static(b"invite")));
        assert!(!Method::from_bytes(b"invite").is_known());
        assert!(Method::from_bytes(b"STORE").is_known());
    }

    #[test]
    fn a_registration_is_no_dialog_but_has_a_flow() {
        assert!(Method::Invite.forms_dialog() && Method::Invite.is_outbound_aware());
        assert!(!Method::Register.forms_dialog() && Method::Register.is_outbound_aware());
        for method in
            [Method::Ack, Method::Bye, Method::Options, Method::Notify, Method::from_bytes(b"invite")]
        {
            assert!(!method.forms_dialog() && !method.is_outbound_aware(), "{method:?}");
        }
    }

    #[test]
    fn an_ack_has_no_response() {
        assert!(!Method::Ack.is_answered());
        assert!(Method::Invite.is_answered() && Method::Cancel.is_answered());
    }

    #[test]
    fn name_survives_the_round_trip() {
        for name in [&b"ACK"[..], b"PUBLISH", b"FOO", b"\xff"] {
            assert_eq!(Method::from_bytes(name).as_bytes(), name);
        }
    }
}
