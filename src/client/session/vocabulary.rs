//! What goes into a session and what comes out of it.

use std::borrow::Cow;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::client::{Failure, IncomingResponse};
use crate::resolve::{ResolveError, Target};

/// Which class of `Client` routes the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A proxy: answers go upstream.
    Proxy,
    /// A user agent client: answers end in the callbacks.
    Uac,
}

/// The shape of the request, as far as the routing rules differ by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestClass {
    /// INVITE: cancellable, with provisional responses going upstream.
    Invite,
    /// ACK: forwarded without a transaction, and never answered.
    Ack,
    /// Everything else.
    NonInvite,
}

/// Something happened that the session has to know.
#[derive(Debug, Clone)]
pub enum SessionInput {
    /// RFC 3263 yielded these targets, in order.
    Targets(SmallVec<[Target; 1]>),
    /// RFC 3263 yielded nothing, or the destination cannot be used.
    Unroutable(ResolveError),
    /// The request goes over an established flow (RFC 5626): no targets, no `on_target`.
    Flow,
    /// The branch passed up a response other than 100.
    Response(Arc<IncomingResponse>),
    /// Timer B or F of the branch expired, and nothing at all was heard of the target meanwhile.
    Timeout,
    /// Timer B or F of the branch expired, but the target was heard meanwhile.
    Unanswered,
    /// The time for all targets was over before Timer B or F. An INVITE's branch lives on to cancel what may begin to ring.
    BranchCutShort {
        /// The target had long enough to answer, and was not heard.
        to_blame: bool,
    },
    /// The server transaction ended: nobody waits for an answer any more.
    ServerEnded,
    /// The target refused the connection or the datagram, or could not be reached.
    ConnectionError,
    /// A connection that was up is gone, or something on this side kept the request from leaving.
    ConnectionLost,
    /// The request is larger than the transport can carry.
    TooLarge,
    /// The answer to [`Action::AskProbe`]: send the request there and find out.
    Probe,
    /// What [`Action::AskProbe`] waited for has come, or may have: look at the blacklist again.
    LookAgain,
    /// The end of the wait after [`Action::AskProbe`]: the targets are on the list still.
    StillListed,
    /// `abort_routing` was called while the session waited.
    Aborted,
    /// The server's certificate was refused.
    TlsValidationFailed,
    /// The flow is gone, or the token names none (RFC 5626 5.3).
    FlowFailed,
    /// The request is for a SIPS resource, and would leave in the clear.
    Unprotected,
    /// Nobody waits for an answer any more, or another `route` of the same Client took over: only a 2xx is still of interest.
    Abandoned,
    /// Timer C expired; the branch sends CANCEL by itself.
    InviteTimeout,
    /// The branch got a 401 or 407 that can be answered: send the request there once more (RFC 3261 22.2).
    Challenged,
    /// The client sent CANCEL for the request, or the script of a Uac has cancelled its INVITE.
    Canceled,
    /// The script has cancelled the request of a proxy (`Proxy#cancel`), or one of a Uac that CANCEL has no effect on (RFC 3261
    /// 9.1): no further target is tried, and what the branch answers runs its blocks and goes upstream.
    Withdrawn,
    /// Another branch of the request was refused with a 6xx: this one is cancelled, its answer runs no blocks
    /// (RFC 3261 16.7 step 10).
    Superseded,
    /// The branch is over; nothing more comes from it.
    BranchEnded,
}

/// The blocks that are to run, with their arguments.
#[derive(Debug, Clone)]
pub enum Callback {
    /// `on_provisional_response`
    Provisional(Arc<IncomingResponse>),
    /// `on_success_response`
    Success(Arc<IncomingResponse>),
    /// `on_failure_response`; `status` is what the block sees
    /// (a proxy turns a 503 into a 500 where no failover was asked for).
    Failure(Arc<IncomingResponse>, u16),
    /// `on_canceled`
    Canceled,
    /// `on_invite_timeout`
    InviteTimeout,
    /// `on_error`
    Error(Failure),
    /// `on_target`
    Target(Target),
}

/// Names the list of blocks that a [`Callback`] belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum CallbackClass {
    /// `on_provisional_response`
    Provisional,
    /// `on_success_response`
    Success,
    /// `on_failure_response`
    Failure,
    /// `on_canceled`
    Canceled,
    /// `on_invite_timeout`
    InviteTimeout,
    /// `on_error`
    Error,
    /// `on_target`
    Target,
}

impl CallbackClass {
    /// All classes, in the order of their numbers.
    pub const ALL: [CallbackClass; 7] = [
        Self::Provisional,
        Self::Success,
        Self::Failure,
        Self::Canceled,
        Self::InviteTimeout,
        Self::Error,
        Self::Target,
    ];

    /// The bit of this class in a mask of classes.
    pub fn bit(self) -> u8 {
        1 << self as u8
    }

    /// The name of the registering method, such as `on_target`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Provisional => "on_provisional_response",
            Self::Success => "on_success_response",
            Self::Failure => "on_failure_response",
            Self::Canceled => "on_canceled",
            Self::InviteTimeout => "on_invite_timeout",
            Self::Error => "on_error",
            Self::Target => "on_target",
        }
    }
}

impl Callback {
    /// The response that the blocks are shown.
    pub fn response(&self) -> Option<&Arc<IncomingResponse>> {
        match self {
            Self::Provisional(response) | Self::Success(response) | Self::Failure(response, _) => {
                Some(response)
            }
            Self::Canceled | Self::InviteTimeout | Self::Error(_) | Self::Target(_) => None,
        }
    }

    /// The status of what the event leads to upstream, if its blocks let it.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Provisional(response) | Self::Success(response) => response.status(),
            Self::Failure(_, status) => Some(*status),
            Self::InviteTimeout => Some(Failure::invite_timeout().status),
            Self::Error(failure) => Some(failure.status),
            Self::Canceled | Self::Target(_) => None,
        }
    }

    /// The list of blocks that this callback runs.
    pub fn class(&self) -> CallbackClass {
        match self {
            Self::Provisional(_) => CallbackClass::Provisional,
            Self::Success(_) => CallbackClass::Success,
            Self::Failure(..) => CallbackClass::Failure,
            Self::Canceled => CallbackClass::Canceled,
            Self::InviteTimeout => CallbackClass::InviteTimeout,
            Self::Error(_) => CallbackClass::Error,
            Self::Target(_) => CallbackClass::Target,
        }
    }
}

/// How a round of callbacks ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SessionRound {
    /// `drop_response` was called: what this event would send upstream is not sent.
    pub dropped: bool,
    /// `abort_routing` was called.
    pub aborted: bool,
}

/// What the driver has to do.
#[derive(Debug, Clone)]
pub enum Action {
    /// Run the blocks of this class, then call [`Session::callback_done`](super::Session::callback_done).
    Callback(Callback),
    /// Send the request to this target in a client transaction of its own (an ACK without one).
    Send(Target),
    /// Send the request over the flow that the request named.
    SendOverFlow,
    /// All targets are on the blacklist by automatic entries, this one for the longest time. Answer with [`SessionInput::Probe`]
    /// when no other request is out to it, else with [`SessionInput::LookAgain`] or [`SessionInput::StillListed`] in time.
    AskProbe(Target),
    /// Send this response upstream, with this status (a 503 leaves a proxy as 500).
    Forward(Arc<IncomingResponse>, u16),
    /// Acknowledge this 2xx to the INVITE of a Uac, and end its call: the request was given up before (RFC 3261 13.2.2.4, 15).
    EndCall(Arc<IncomingResponse>),
    /// Answer upstream with a response of our own making.
    Reply {
        /// Status code.
        status: u16,
        /// Reason phrase.
        reason: Cow<'static, str>,
    },
}
