//! What a server writes into the top Via of a request it receives (RFC 3261 18.2.1, RFC 3581 4).

use std::io::Write;
use std::net::SocketAddr;

use bytes::Bytes;
use smallvec::SmallVec;

use super::host;
use super::received::Message;

impl Message {
    /// Rewrites the top Via if the source has to be noted in it, or if the peer wrote a `received` of its own, which
    /// nobody may trust. Says whether the Via asks for `rport`.
    ///
    /// The new text is: core, branch, `received`, `rport`, `alias`, then all other parameters in their order with
    /// keys in lower case.
    pub fn stamp_via(&mut self, source: SocketAddr) -> bool {
        let Some(via) = self.top_via() else { return false };
        let ip = source.ip().to_canonical();
        let has_rport = via.has_rport();
        let note_source = has_rport || host::parse_ip(via.host()) != Some(ip);
        if !note_source && via.received().is_none() {
            return false;
        }
        // On the stack, since its length is known only when it is written.
        let mut text: SmallVec<[u8; 256]> = SmallVec::new();
        text.extend_from_slice(via.core());
        if let Some(branch) = via.branch() {
            text.extend_from_slice(b";branch=");
            text.extend_from_slice(branch);
        }
        if note_source {
            // Writing into memory that grows cannot fail.
            let _ = write!(text, ";received={ip}");
        }
        if has_rport {
            let _ = write!(text, ";rport={}", source.port());
        }
        if via.has_alias() {
            text.extend_from_slice(b";alias");
        }
        for (key, value) in via.params() {
            text.push(b';');
            text.extend(key.iter().map(u8::to_ascii_lowercase));
            if let Some(value) = value {
                text.push(b'=');
                text.extend_from_slice(value);
            }
        }
        self.stamped_via = Some(Bytes::copy_from_slice(&text));
        has_rport
    }
}
