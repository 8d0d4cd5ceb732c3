//! A header that a script names, and what a message was received with under that name.

use bytes::Bytes;
use magnus::{prelude::*, Error, RString, Ruby, Value};
use oversip::message::HeaderName;

use super::name::key;
use crate::{message::RubyMessage, text};

/// A name given by a script.
pub(super) struct Wanted {
    pub(super) name: HeaderName,
    text: Bytes,
}

impl Wanted {
    pub(super) fn new(ruby: &Ruby, name: Value) -> Result<Self, Error> {
        let text = text::string_argument(ruby, name, "Argument must be a String")?;
        Ok(Self { name: HeaderName::lookup(&text), text })
    }

    /// The name of a header that is about to be written.
    pub(super) fn writable(ruby: &Ruby, name: Value) -> Result<Self, Error> {
        let text = text::named_string_argument(ruby, name, "header name")?;
        let wanted = Self { name: HeaderName::lookup(&text), text };
        if !oversip::message::is_token(&wanted.text) {
            return Err(text::runtime_error(ruby, format!("invalid header name {}", name.inspect())));
        }
        Ok(wanted)
    }

    pub(super) fn known(name: HeaderName) -> Self {
        Self { name, text: Bytes::from_static(name.canonical().as_bytes()) }
    }

    pub(super) fn key(&self, ruby: &Ruby) -> Result<RString, Error> {
        key(ruby, self.name, &self.text)
    }

    fn is(&self, name: HeaderName, raw: &[u8]) -> bool {
        self.name == name && (name != HeaderName::Other || raw.eq_ignore_ascii_case(&self.text))
    }

    /// The values of the received message under this name, without those taken away.
    pub(super) fn received<'a>(&'a self, this: &'a RubyMessage) -> impl Iterator<Item = &'a [u8]> + 'a {
        let all = this.received().values().filter(|(name, raw, _)| self.is(*name, raw));
        all.map(|(_, _, value)| value).skip(this.headers.removed(self.name))
    }

    /// An emptied Route stays as an empty entry; an emptied Via is gone.
    pub(super) fn is_received(&self, this: &RubyMessage) -> bool {
        match self.name {
            HeaderName::Via => self.received(this).next().is_some(),
            _ => this.received().values().any(|(name, raw, _)| self.is(name, raw)),
        }
    }
}
