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
    fn name_survives_the_round_trip() {
        for name in [&b"ACK"[..], b"PUBLISH", b"FOO", b"\xff"] {
            assert_eq!(Method::from_bytes(name).as_bytes(), name);
        }
    }
}
