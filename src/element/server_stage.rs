//! How far a request is in the transaction layer: it waits for the script, has a machine, or is over.

use std::time::Instant;

use bytes::Bytes;

use crate::transaction::{
    invite_server, non_invite_server, AckOutcome, InviteServer, NonInviteServer, ServerEffect, ServerEffects,
    Timer,
};

/// How a response was taken.
#[derive(Debug)]
pub(super) enum Responded {
    /// The transaction refuses it, or the request has its final response.
    Refused,
    /// There is no transaction: it goes out statelessly.
    Stateless,
    /// The transaction has taken it.
    Stepped(ServerEffects),
}

/// The state of a server transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerState {
    /// Of an INVITE.
    Invite(invite_server::State),
    /// Of another request.
    NonInvite(non_invite_server::State),
    /// It is over.
    Terminated,
}

impl ServerState {
    /// The state's name in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            ServerState::Invite(state) => state.as_str(),
            ServerState::NonInvite(state) => state.as_str(),
            ServerState::Terminated => "terminated",
        }
    }
}

/// What became of a request.
#[derive(Debug)]
pub(super) enum Stage {
    /// It waits for the script, or the script looks at it. `answered` is the final reply sent without a transaction.
    Pending {
        answered: Option<StatelessAnswer>,
    },
    Invite(InviteServer),
    NonInvite(NonInviteServer),
    /// Its transaction is over.
    Over {
        last_response: Option<Bytes>,
    },
    /// There is no transaction: an ACK, or a request whose `on_request` ended without one. `answered` is the status of the
    /// final reply sent all the same.
    None {
        answered: Option<u16>,
    },
}

/// A final reply that was sent without a transaction.
#[derive(Debug)]
pub(super) struct StatelessAnswer {
    status: u16,
    wire: Bytes,
}

impl Stage {
    /// The final reply that was sent before there was a transaction; its bytes, while they are known.
    pub(super) fn take_answer(&mut self) -> Option<(u16, Option<Bytes>)> {
        match self {
            Self::Pending { answered } => answered.take().map(|answer| (answer.status, Some(answer.wire))),
            Self::None { answered } => answered.map(|status| (status, None)),
            Self::Invite(_) | Self::NonInvite(_) | Self::Over { .. } => None,
        }
    }

    /// Whether there is a server transaction, or was one.
    pub(super) fn has_transaction(&self) -> bool {
        matches!(self, Self::Invite(_) | Self::NonInvite(_) | Self::Over { .. })
    }

    /// The state of the server transaction, `None` when there is none.
    pub(super) fn state(&self) -> Option<ServerState> {
        match self {
            Self::Invite(machine) => Some(ServerState::Invite(machine.state())),
            Self::NonInvite(machine) => Some(ServerState::NonInvite(machine.state())),
            Self::Over { .. } => Some(ServerState::Terminated),
            Self::Pending { .. } | Self::None { .. } => None,
        }
    }

    /// The last response that the server transaction sent.
    pub(super) fn last_response(&self) -> Option<&Bytes> {
        match self {
            Self::Invite(machine) => machine.last_response(),
            Self::NonInvite(machine) => machine.last_response(),
            Self::Over { last_response } => last_response.as_ref(),
            Self::Pending { .. } | Self::None { .. } => None,
        }
    }

    /// What the server transaction sends again from now on; nothing is done without one.
    pub(super) fn set_last_response(&mut self, wire: Bytes) {
        match self {
            Self::Invite(machine) => machine.set_last_response(wire),
            Self::NonInvite(machine) => machine.set_last_response(wire),
            Self::Over { last_response } => *last_response = Some(wire),
            Self::Pending { .. } | Self::None { .. } => {}
        }
    }

    /// Whether a response of this status would be taken now.
    pub(super) fn accepts(&self, status: u16) -> bool {
        match self {
            Self::Invite(machine) => machine.accepts(status),
            Self::NonInvite(machine) => machine.accepts(status),
            Self::Over { .. } => false,
            Self::Pending { answered } => answered.is_none(),
            Self::None { answered } => answered.is_none(),
        }
    }

    /// Whether a final reply was sent without a transaction.
    pub(super) fn is_answered_statelessly(&self) -> bool {
        match self {
            Self::Pending { answered } => answered.is_some(),
            Self::None { answered } => answered.is_some(),
            Self::Invite(_) | Self::NonInvite(_) | Self::Over { .. } => false,
        }
    }

    /// Steps the machine with a response.
    pub(super) fn respond(&mut self, now: Instant, status: u16, wire: Bytes) -> Responded {
        let effects = match self {
            Self::Invite(machine) => machine.respond(now, status, wire),
            Self::NonInvite(machine) => machine.respond(now, status, wire),
            Self::Pending { answered: answered @ None } => {
                *answered = (status >= 200).then_some(StatelessAnswer { status, wire });
                return Responded::Stateless;
            }
            Self::None { answered: answered @ None } => {
                *answered = (status >= 200).then_some(status);
                return Responded::Stateless;
            }
            Self::Pending { .. } | Self::None { .. } | Self::Over { .. } => None,
        };
        effects.map_or(Responded::Refused, Responded::Stepped)
    }

    /// Steps the machine for a response of this status that somebody else sends. `None`: the transaction refuses it, or there
    /// is none.
    pub(super) fn advance(&mut self, now: Instant, status: u16) -> Option<ServerEffects> {
        match self {
            Self::Invite(machine) => machine.advance(now, status),
            Self::NonInvite(machine) => machine.advance(now, status),
            Self::Pending { .. } | Self::Over { .. } | Self::None { .. } => None,
        }
    }

    /// A retransmission: what to do for it.
    pub(super) fn request_again(&mut self, now: Instant) -> ServerEffects {
        match self {
            Self::Invite(machine) => machine.request_again(now),
            Self::NonInvite(machine) => machine.request_again(now),
            Self::Pending { answered: Some(answer) } => {
                std::iter::once(ServerEffect::Send(answer.wire.clone())).collect()
            }
            Self::Pending { answered: None } | Self::Over { .. } | Self::None { .. } => ServerEffects::new(),
        }
    }

    pub(super) fn ack(&mut self, now: Instant) -> AckOutcome {
        match self {
            Self::Invite(machine) => machine.ack(now),
            _ => AckOutcome::PassToCore,
        }
    }

    pub(super) fn timer(&mut self, now: Instant, timer: Timer) -> ServerEffects {
        match self {
            Self::Invite(machine) => machine.timer(now, timer),
            Self::NonInvite(machine) => machine.timer(now, timer),
            Self::Pending { .. } | Self::Over { .. } | Self::None { .. } => ServerEffects::new(),
        }
    }

    /// Somebody is at work on it still: timer C2 begins anew.
    pub(super) fn restart_c2(&mut self, now: Instant) -> ServerEffects {
        match self {
            Self::Invite(machine) => machine.restart_c2(now),
            _ => ServerEffects::new(),
        }
    }

    /// True while the script has not made anything of the request.
    pub(super) fn is_pending(&self) -> bool {
        matches!(self, Self::Pending { .. })
    }

    /// True when it is pending and was not answered.
    pub(super) fn is_unanswered(&self) -> bool {
        matches!(self, Self::Pending { answered: None })
    }

    /// True while the client waits for a final response.
    pub(super) fn is_undecided(&self) -> bool {
        match self {
            Self::Pending { answered } => answered.is_none(),
            Self::Invite(machine) => machine.accepts(500),
            Self::NonInvite(machine) => machine.accepts(500),
            Self::Over { .. } | Self::None { .. } => false,
        }
    }

    /// The transaction, or the time of waiting for the script, is over.
    pub(super) fn end(&mut self) {
        *self = match std::mem::replace(self, Self::None { answered: None }) {
            Self::Invite(machine) => Self::Over { last_response: machine.last_response().cloned() },
            Self::NonInvite(machine) => Self::Over { last_response: machine.last_response().cloned() },
            Self::Pending { answered } => Self::None { answered: answered.map(|answer| answer.status) },
            same => same,
        };
    }
}
