//! Which transaction a message belongs to (RFC 3261 17.1.3 and 17.2.3).

use std::sync::Arc;

use smallvec::SmallVec;

use crate::message::{BranchForm, Message, Method};

/// The key of a server transaction (RFC 3261 17.2.3): a text that is the same for all requests of the transaction. It does not refer to
/// the request's memory, and to look a transaction up takes none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerKey(SmallVec<[u8; 128]>);

/// The text of a key, as tables hold it: one piece of memory for all of them.
pub type KeyText = Arc<[u8]>;

/// A key that is made of branch and sent-by, which keeps clients apart that happen to use the same branch.
const BRANCH: u8 = b'b';
/// A key of an element of RFC 2543, whose branch is not unique, for a request without a To tag.
const OLDER: u8 = b'o';
/// The same for a request with a To tag, which comes last. The length of what stands before it follows.
const OLDER_WITH_TO_TAG: u8 = b't';

/// The branch in a key, without the magic cookie and in lower case; `None` for a branch that is not unique.
pub fn branch_of_key(key: &[u8]) -> Option<&[u8]> {
    let (&BRANCH, rest) = key.split_first()? else { return None };
    let part = |from: &'_ [u8]| -> Option<usize> { Some(u32::from_be_bytes(*from.first_chunk()?) as usize) };
    let rest = rest.get(4 + part(rest)?..)?;
    rest.get(4..4 + part(rest)?)
}

impl ServerKey {
    /// The key of the transaction that this request makes, or made when it came first. `None` if the message is no
    /// request or its branch names nothing.
    pub fn from_request(request: &Message) -> Option<ServerKey> {
        ServerKey::with_method(request, request.method()?)
    }

    /// The key of the INVITE that this ACK or CANCEL is for (RFC 3261 17.2.3 and 9.2), if that INVITE has the same To tag as the
    /// request or none is looked at.
    pub fn invite_key(request: &Message) -> Option<ServerKey> {
        ServerKey::with_method(request, &Method::Invite)
    }

    fn with_method(request: &Message, method: &Method) -> Option<ServerKey> {
        if !request.is_request() {
            return None;
        }
        let via = request.top_via()?;
        let mut key = ServerKey(SmallVec::new());
        match via.branch_form() {
            BranchForm::Unique(branch) => {
                key.0.push(BRANCH);
                key.push(method.as_bytes());
                key.push_folded(branch);
                key.push_folded(via.host());
                key.0.extend_from_slice(&via.port_or_default().to_be_bytes());
            }
            // Where the branch is not unique, all this tells requests apart. The top Via is compared as it was received.
            BranchForm::Older => {
                key.0.push(OLDER);
                key.push(method.as_bytes());
                for part in [request.ruri()?.text, request.call_id()?, via.text()] {
                    key.push(part);
                }
                key.0.extend_from_slice(&request.cseq()?.to_be_bytes());
                if let Some(tag) = request.from_tag() {
                    key.push(tag);
                }
                if let Some(tag) = request.to_tag() {
                    let before = (key.0.len() as u32).to_be_bytes();
                    key.0[0] = OLDER_WITH_TO_TAG;
                    key.0.insert_from_slice(1, &before);
                    key.0.extend_from_slice(tag);
                }
            }
            BranchForm::Unusable => return None,
        }
        Some(key)
    }

    /// A part that may have any length.
    fn push(&mut self, part: &[u8]) {
        self.0.extend_from_slice(&(part.len() as u32).to_be_bytes());
        self.0.extend_from_slice(part);
    }

    /// The same of a part whose letter case does not count (RFC 3261 7.3.1).
    fn push_folded(&mut self, part: &[u8]) {
        self.push(part);
        let start = self.0.len() - part.len();
        self.0[start..].make_ascii_lowercase();
    }

    /// For the key of an ACK of an element of RFC 2543: that of an INVITE without To tag. The ACK belongs to it if its To tag is
    /// that of the response (RFC 3261 17.2.3), which the key does not know.
    pub fn before_response(&self) -> Option<ServerKey> {
        let (&OLDER_WITH_TO_TAG, rest) = self.0.split_first()? else { return None };
        let (len, rest) = rest.split_first_chunk()?;
        let mut key = ServerKey(SmallVec::from_slice(&[OLDER]));
        key.0.extend_from_slice(rest.get(..u32::from_be_bytes(*len) as usize - 1)?);
        Some(key)
    }

    /// The text to look up.
    pub fn text(&self) -> &[u8] {
        &self.0
    }

    /// The text for tables.
    pub fn kept(&self) -> KeyText {
        Arc::from(self.text())
    }
}
