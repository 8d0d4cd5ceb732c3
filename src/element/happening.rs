//! What an element does that no message shows: requests from their arrival to their answer, timers that fire, attempts at targets,
//! resolutions, blacklisted targets and connections. Data only.

use std::net::SocketAddr;
use std::time::Duration;

use super::next_hop::SendFailure;
use super::word::Word;
use crate::message::Method;
use crate::resolve::{Asked, Target};
use crate::transaction::Timer;

/// The request that something is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedRequest {
    /// Its method.
    pub method: Method,
    /// The branch of its transaction. In that of a server transaction small letters stand for all; it is empty where the branch
    /// is not unique.
    pub branch: Word,
    /// Its Call-ID. `None`: the request was answered, and is not kept any more.
    pub call_id: Option<Word>,
}

/// How an attempt has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptEnd {
    /// With a final response of this status.
    Answered(u16),
    /// The target has not answered in its time.
    Unanswered,
    /// No final response has come in the time that the profile gives a callee.
    InviteTimeout,
    /// The request has not left, or was lost with its connection.
    Failed(SendFailure),
    /// Nobody wants the answer any more.
    Abandoned,
}

impl AttemptEnd {
    /// In one word.
    pub fn outcome(self) -> &'static str {
        match self {
            AttemptEnd::Answered(_) => "answered",
            AttemptEnd::Unanswered => "timeout",
            AttemptEnd::InviteTimeout => "invite_timeout",
            AttemptEnd::Failed(SendFailure::Unreachable) => "connection_error",
            AttemptEnd::Failed(SendFailure::NotAccepted) => "tls_validation_failed",
            AttemptEnd::Failed(SendFailure::TooLarge) => "too_large",
            AttemptEnd::Failed(SendFailure::Lost) => "connection_lost",
            AttemptEnd::Abandoned => "abandoned",
        }
    }
}

/// Who has made a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Responder {
    /// The script.
    Script,
    /// A server downstream: it is passed on.
    Relayed,
    /// The element itself.
    Element,
}

impl Responder {
    /// All, in their order.
    pub const ALL: [Responder; 3] = [Responder::Script, Responder::Relayed, Responder::Element];

    /// In one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Responder::Script => "script",
            Responder::Relayed => "relayed",
            Responder::Element => "element",
        }
    }
}

/// Something that an element has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// A request other than ACK goes to the script.
    Received {
        /// The request.
        of: ObservedRequest,
        /// Whether it begins a call, an INVITE outside of a dialog, whose end will be known.
        call: bool,
    },
    /// The first provisional response to it other than 100 leaves for its client.
    Progress {
        /// The request.
        of: ObservedRequest,
        /// The status of the response.
        status: u16,
        /// Who has made it.
        by: Responder,
        /// How long after the request it leaves.
        after: Option<Duration>,
        /// Whether the request begins a call.
        call: bool,
    },
    /// A final response to it leaves for its client. Of an INVITE there may be several 2xx.
    Answered {
        /// The request.
        of: ObservedRequest,
        /// The status of the response.
        status: u16,
        /// Who has made it.
        by: Responder,
        /// How long after the request it leaves.
        after: Option<Duration>,
        /// Whether the request begins a call, and this is the first final response to it.
        call: bool,
        /// Whether its client has cancelled it before.
        cancelled: bool,
    },
    /// It is over without a final response, since the script has made nothing of it or has ended its transaction.
    Unanswered {
        /// The request.
        of: ObservedRequest,
        /// Whether the request begins a call.
        call: bool,
    },
    /// A block of the script has kept back what would have gone to its client.
    DroppedResponse {
        /// The request.
        of: ObservedRequest,
        /// The status of the response.
        status: u16,
    },
    /// A timer has fired.
    Timer {
        /// Which one.
        timer: Timer,
        /// Of which transaction.
        of: ObservedRequest,
    },
    /// A request is sent to a target.
    Attempt {
        /// The target.
        target: Target,
        /// The request.
        of: ObservedRequest,
    },
    /// What came of that.
    AttemptEnded {
        /// The target.
        target: Target,
        /// The request.
        of: ObservedRequest,
        /// How it ended.
        end: AttemptEnd,
        /// How long after it has begun.
        took: Duration,
    },
    /// Names were looked up.
    Resolved {
        /// The destination.
        asked: Asked,
        /// Where it leads, in the order in which they are tried; none where it leads nowhere.
        targets: Vec<Target>,
        /// The Call-ID of the request that wants to know.
        call_id: Option<Word>,
        /// How long the request has waited for that; nothing where the answer was known.
        took: Duration,
    },
    /// A target is on a blacklist: another one is tried, or none.
    PassedOver {
        /// The target.
        target: Target,
        /// The Call-ID of the request.
        call_id: Option<Word>,
    },
    /// The element has put a target on a blacklist.
    Blacklisted {
        /// The target.
        target: Target,
    },
    /// A connection carries messages from now on.
    FlowOpened {
        /// The other end.
        peer: Target,
        /// Our end.
        local: SocketAddr,
        /// Whether the peer has opened it.
        inbound: bool,
        /// How long its TLS handshake took.
        handshake: Option<Duration>,
    },
    /// A connection is gone, or did not come up.
    FlowClosed {
        /// The other end.
        peer: Target,
    },
}
