//! From and To of the client, to be put back into responses (RFC 3261 8.2.6.2, 16.7).

use bytes::Bytes;

use crate::message::{HeaderName, Headers, Message};

/// The values that the client sent where the script changed them in the request.
#[derive(Debug, Clone, Default)]
pub struct RestoreHeaders {
    from: Option<Bytes>,
    to: Option<Bytes>,
    to_has_tag: bool,
}

impl RestoreHeaders {
    /// What has to go back for `request`, of which From, To or both went on with other values.
    pub fn of(request: &Message, from_changed: bool, to_changed: bool) -> Self {
        let kept =
            |changed: bool, value: Option<&[u8]>| value.filter(|_| changed).map(Bytes::copy_from_slice);
        Self {
            from: kept(from_changed, request.from_value()),
            to: kept(to_changed, request.to_value()),
            to_has_tag: request.to_tag().is_some(),
        }
    }

    /// Whether nothing has to go back.
    pub fn is_empty(&self) -> bool {
        self.from.is_none() && self.to.is_none()
    }

    /// Puts the client's values into a response that has this To tag.
    pub fn apply(&self, headers: &mut Headers, to_tag: Option<&[u8]>) {
        if let Some(from) = &self.from {
            headers.replace(HeaderName::From, from);
        }
        if let Some(to) = &self.to {
            let mut value = to.to_vec();
            // A request within a dialog has the tag already.
            if let Some(tag) = to_tag.filter(|_| !self.to_has_tag) {
                value.extend_from_slice(b";tag=");
                value.extend_from_slice(tag);
            }
            headers.replace(HeaderName::To, &value);
        }
    }
}
