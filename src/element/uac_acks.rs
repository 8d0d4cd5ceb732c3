//! The ACKs that scripts sent through a `Uac`, kept to be sent again for a repeated 2xx (RFC 3261 13.2.2.4).

use bytes::Bytes;

use super::next_hop::NextHop;
use super::table::{Table, Tables};
use crate::message::{Message, RequestSnapshot};

/// ACKs remembered at once; beyond it the script's blocks see a repeated 2xx again.
const LIMIT: usize = 50_000;

/// The dialog and the INVITE that an ACK belongs to: Call-ID, CSeq number, To tag.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct AckKey(Bytes, u32, Bytes);

/// An ACK as it was sent.
#[derive(Debug)]
pub(super) struct SentAck {
    pub(super) hop: NextHop,
    pub(super) wire: Bytes,
}

/// The remembered ACKs.
#[derive(Debug)]
pub(super) struct UacAcks {
    sent: Table<AckKey, SentAck>,
}

impl UacAcks {
    pub(super) fn new(tables: &Tables) -> Self {
        Self { sent: tables.table() }
    }

    /// Remembers an ACK. `None`: it belongs to no dialog, or too many are remembered.
    pub(super) fn remember(&mut self, ack: &RequestSnapshot, hop: NextHop, wire: Bytes) -> Option<AckKey> {
        let tag = ack.to_tag()?;
        let key = AckKey(Bytes::copy_from_slice(ack.call_id()?), ack.cseq()?, Bytes::copy_from_slice(tag));
        if self.sent.len() >= LIMIT && !self.sent.contains_key(&key) {
            return None;
        }
        let known = self.sent.insert(key.clone(), SentAck { hop, wire }).is_some();
        (!known).then_some(key)
    }

    /// The ACK that was sent for this 2xx.
    pub(super) fn get(&self, response: &Message) -> Option<&SentAck> {
        let key = AckKey(
            Bytes::copy_from_slice(response.call_id()?),
            response.cseq()?,
            Bytes::copy_from_slice(response.to_tag()?),
        );
        self.sent.get(&key)
    }

    pub(super) fn len(&self) -> usize {
        self.sent.len()
    }

    pub(super) fn forget(&mut self, key: &AckKey) {
        self.sent.remove(key);
    }
}
