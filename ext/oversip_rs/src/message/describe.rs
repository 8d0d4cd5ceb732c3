//! `inspect` of messages.

use super::any::RubyMessage;

/// A line that tells messages apart, without the body.
pub fn describe(class: &str, this: RubyMessage, what: &str) -> String {
    let cut = |text: &[u8]| String::from_utf8_lossy(&text[..text.len().min(100)]).into_owned();
    let received = this.received();
    let call_id = cut(received.call_id().unwrap_or_default());
    let source = this.source().map(|source| format!(" from {}:{}", source.transport, source.remote));
    format!("#<{class} {} call_id={call_id}{}>", cut(what.as_bytes()), source.unwrap_or_default())
}
