//! Which transaction a message belongs to (RFC 3261 17.1.3 and 17.2.3).

use std::hash::{Hash, Hasher};

use bytes::Bytes;

use crate::message::{BranchForm, Message, Method};

/// The key of a server transaction (RFC 3261 17.2.3). It shares the bytes of the request's head: to look a transaction up copies
/// nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServerKey {
    id: Id,
    method: Method,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Id {
    Branch(BranchId),
    Older(Box<OlderId>),
}

/// A text whose letter case does not count (RFC 3261 7.3.1). It is compared without a copy.
#[derive(Debug, Clone)]
struct Folded(Bytes);

impl PartialEq for Folded {
    fn eq(&self, other: &Folded) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Folded {}

impl Hash for Folded {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mut folded = [0; 64];
        for part in self.0.chunks(folded.len()) {
            let folded = &mut folded[..part.len()];
            folded.copy_from_slice(part);
            folded.make_ascii_lowercase();
            state.write(folded);
        }
        state.write_u8(b';');
    }
}

/// Branch and sent-by, which keeps clients apart that happen to use the same branch.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct BranchId {
    branch: Folded,
    host: Folded,
    port: u16,
}

/// What tells the requests of elements of RFC 2543 apart, which write no branch that is unique. The top Via is compared as it
/// was received.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct OlderId {
    ruri: Bytes,
    call_id: Bytes,
    cseq: u32,
    from_tag: Option<Bytes>,
    to_tag: Option<Bytes>,
    via: Bytes,
}

impl ServerKey {
    /// The key of the transaction that this request makes, or made when it came first. `None` if the message is no
    /// request or its branch names nothing.
    pub fn from_request(request: &Message) -> Option<ServerKey> {
        ServerKey::with_method(request, request.method()?.clone())
    }

    /// The key of the INVITE that this ACK or CANCEL is for (RFC 3261 17.2.3 and 9.2), if that INVITE has the same To tag as the
    /// request or none is looked at.
    pub fn invite_key(request: &Message) -> Option<ServerKey> {
        ServerKey::with_method(request, Method::Invite)
    }

    fn with_method(request: &Message, method: Method) -> Option<ServerKey> {
        if !request.is_request() {
            return None;
        }
        let via = request.top_via()?;
        let shared = |text: &[u8]| request.head_bytes().slice_ref(text);
        let id = match via.branch_form() {
            BranchForm::Unique(branch) => Id::Branch(BranchId {
                branch: Folded(shared(branch)),
                host: Folded(shared(via.host())),
                port: via.port_or_default(),
            }),
            BranchForm::Older => Id::Older(Box::new(OlderId {
                ruri: shared(request.ruri()?.text),
                call_id: shared(request.call_id()?),
                cseq: request.cseq()?,
                from_tag: request.from_tag().map(shared),
                to_tag: request.to_tag().map(shared),
                via: shared(via.text()),
            })),
            BranchForm::Unusable => return None,
        };
        Some(ServerKey { id, method })
    }

    /// For the key of an ACK of an element of RFC 2543: that of an INVITE without To tag. The ACK belongs to it if its To tag is
    /// that of the response (RFC 3261 17.2.3), which the key does not know.
    pub fn before_response(&self) -> Option<ServerKey> {
        let Id::Older(id) = &self.id else { return None };
        id.to_tag.as_ref()?;
        let id = Id::Older(Box::new(OlderId { to_tag: None, ..(**id).clone() }));
        Some(ServerKey { id, method: self.method.clone() })
    }

    /// The method of the request that made the transaction.
    pub fn method(&self) -> &Method {
        &self.method
    }
}
