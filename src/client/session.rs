//! What a `Proxy` or `Uac` decides during one `route`: the sans-IO machine between targets, responses and callbacks.
//!
//! The machine is fed with [`SessionInput`]s and emptied with [`Session::next_action`]. An [`Action::Callback`] stops it
//! until [`Session::callback_done`] tells how the round of blocks ended; every other action is carried out by
//! whoever drives the machine and needs no answer.

mod passed_over;
mod search;
mod vocabulary;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use smallvec::SmallVec;

pub use vocabulary::{Action, Callback, CallbackClass, RequestClass, Role, SessionInput, SessionRound};

use super::{Blacklist, Failure, IncomingResponse, Profile, RouteError};
use crate::message::{reason_phrase, Message};
use crate::resolve::{ResolveError, Target};

/// Longest life of a blacklist entry made from a `Retry-After` header.
const RETRY_AFTER_LIMIT: Duration = Duration::from_secs(600);

/// The result that stands when no target is left.
#[derive(Debug, Clone)]
enum LastResult {
    Failure(Failure),
    Response(Arc<IncomingResponse>),
}

/// Where the machine continues after a callback round.
#[derive(Debug)]
enum After {
    Target(Target),
    Forward(Arc<IncomingResponse>, u16),
    Final(Failure),
    InviteTimeout,
    Nothing,
}

/// What comes first goes first. There is hardly ever more than one.
type Queue<T> = SmallVec<[T; 1]>;

/// Takes the first of a queue.
fn pop<T>(queue: &mut Queue<T>) -> Option<T> {
    (!queue.is_empty()).then(|| queue.remove(0))
}

/// Lifetime of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Waiting for targets.
    Resolving,
    /// Between two targets; a callback round of `on_target` may be running.
    Choosing,
    /// All targets are on the blacklist, this one for the longest time: waiting for the answer to [`Action::AskProbe`].
    AskingProbe(Target),
    /// A branch is out.
    Pending,
    /// A final answer was given; further 2xx may still come.
    Done,
}

/// What a step of the machine may know and change beside the machine itself.
struct Step<'a> {
    now: Instant,
    blacklist: &'a mut Blacklist,
}

/// One `route` of a Client.
#[derive(Debug)]
pub struct Session {
    role: Role,
    class: RequestClass,
    profile: Arc<Profile>,
    /// How long the client of a request other than INVITE waits.
    patience: Duration,
    state: State,
    /// ACK, or a request with a To tag: the blacklist only changes the order of its targets.
    in_dialog: bool,
    targets: Queue<Target>,
    /// The targets that were passed over so far, since they are on the blacklist.
    passed: Vec<Target>,
    /// Those of them that are not tried at all; only where somebody wants to know.
    passed_over: Option<Box<passed_over::PassedOver>>,
    tells_passed_over: bool,
    /// How many targets were tried.
    tried: usize,
    /// When the time for all targets is over.
    deadline: Option<Instant>,
    /// When the server transaction will end without an answer.
    server_end: Option<Instant>,
    /// The request is, or was, a probe; whether the target has failed.
    probe_failed: Option<bool>,
    /// The target that an entry was just made for.
    newly_listed: Option<Target>,
    current: Option<Target>,
    last: Option<LastResult>,
    /// The request is too large for UDP (RFC 3261 18.1.1).
    oversize: bool,
    /// The UDP target in whose place the request went by TCP.
    upgraded: Option<Target>,
    /// The UDP target that TCP did not reach: it comes next.
    udp_instead: Option<Target>,
    canceled: bool,
    canceled_told: bool,
    /// Another branch was refused with a 6xx: this one is treated as cancelled, and nobody is told.
    superseded: bool,
    /// The script has cancelled the request of a proxy.
    withdrawn: bool,
    /// Only a 2xx is still of interest.
    abandoned: bool,
    aborted: bool,
    /// `drop_response` was called in the `on_target` that aborted.
    refusal_dropped: bool,
    over_flow: bool,
    branch_live: bool,
    /// A 2xx was handed on, so that those of further callees are.
    succeeded: bool,
    actions: Queue<Action>,
    after: Queue<After>,
    waiting: bool,
}

impl Session {
    /// A session that waits for its targets. The client of a request other than INVITE waits for `patience`: 64*T1
    /// (RFC 3261 17.1.2.2).
    pub fn new(role: Role, class: RequestClass, profile: Arc<Profile>, patience: Duration) -> Self {
        Self {
            role,
            class,
            profile,
            patience,
            state: State::Resolving,
            in_dialog: class == RequestClass::Ack,
            targets: Queue::new(),
            passed: Vec::new(),
            passed_over: None,
            tells_passed_over: false,
            tried: 0,
            deadline: None,
            server_end: None,
            probe_failed: None,
            newly_listed: None,
            current: None,
            last: None,
            oversize: false,
            upgraded: None,
            udp_instead: None,
            canceled: false,
            canceled_told: false,
            superseded: false,
            withdrawn: false,
            abandoned: false,
            aborted: false,
            refusal_dropped: false,
            over_flow: false,
            branch_live: false,
            succeeded: false,
            actions: Queue::new(),
            after: Queue::new(),
            waiting: false,
        }
    }

    /// The profile the session was made with.
    pub fn profile(&self) -> &Arc<Profile> {
        &self.profile
    }

    /// True when the final answer was given: no target is tried any more.
    pub fn is_answered(&self) -> bool {
        self.state == State::Done
    }

    /// True when nothing can reach a callback or leave upstream any more.
    pub fn is_over(&self) -> bool {
        self.state == State::Done && !self.branch_live && self.actions.is_empty() && !self.waiting
    }

    /// Whether the event of this callback ends in a response upstream, which `drop_response` may keep back.
    pub fn answers(&self, callback: &Callback) -> bool {
        match callback {
            Callback::Target(_) | Callback::Canceled => false,
            // RFC 4320 4.1: none of a non-INVITE request goes upstream.
            Callback::Provisional(_) => self.class == RequestClass::Invite,
            _ => self.class != RequestClass::Ack,
        }
    }

    /// The request is larger than UDP should carry: TCP is tried first where the destination does not insist on UDP.
    pub fn set_oversize(&mut self) {
        self.oversize = true;
    }

    /// Whether [`SessionInput::Challenged`] would send the request again: the driver may answer a challenge then.
    pub fn may_answer_challenge(&self) -> bool {
        self.role == Role::Uac && self.state == State::Pending && !self.is_called_off()
    }

    /// Whether there are targets after the one in use.
    pub fn has_further_targets(&self) -> bool {
        !self.targets.is_empty()
    }

    /// `abort_routing` was called: no target is tried from now on.
    pub fn abort(&mut self) {
        self.aborted = true;
    }

    /// Whether [`Session::abort`] was called and no target was due since.
    pub fn is_aborted(&self) -> bool {
        self.aborted
    }

    /// CANCEL came while a callback round of this session runs: no target is tried after it.
    /// The [`SessionInput::Canceled`] that runs `on_canceled` follows in its turn.
    pub fn note_canceled(&mut self) {
        self.canceled = true;
    }

    /// The same for [`SessionInput::Withdrawn`].
    pub fn note_withdrawn(&mut self) {
        self.withdrawn = true;
    }

    /// The same for [`SessionInput::Superseded`].
    pub fn note_superseded(&mut self) {
        (self.canceled, self.superseded) = (true, true);
    }

    /// The same for [`SessionInput::Abandoned`].
    pub fn note_abandoned(&mut self) {
        self.abandoned = true;
    }

    /// Whether only a 2xx is still of interest.
    pub fn is_abandoned(&self) -> bool {
        self.abandoned
    }

    /// Whether nothing is to be sent to a target any more.
    pub fn is_called_off(&self) -> bool {
        self.canceled || self.withdrawn || self.abandoned
    }

    /// The next thing to do, or `None` when the machine waits for an input or for [`Session::callback_done`].
    pub fn next_action(&mut self) -> Option<Action> {
        if self.waiting {
            return None;
        }
        let action = pop(&mut self.actions)?;
        self.waiting = matches!(action, Action::Callback(_));
        Some(action)
    }

    /// Takes an input; the blacklist is that of the profile. Never call it while a callback round of this session runs.
    pub fn handle(&mut self, now: Instant, blacklist: &mut Blacklist, input: SessionInput) {
        let step = &mut Step { now, blacklist };
        match input {
            SessionInput::Targets(targets) => self.on_targets(step, targets),
            SessionInput::Unroutable(error) => self.on_unroutable(error),
            SessionInput::Flow => self.on_flow(step),
            SessionInput::Response(response) => self.on_response(step, response),
            SessionInput::Timeout => self.on_target_failure(step, RouteError::ClientTimeout),
            SessionInput::Unanswered => self.on_branch_failure(step, RouteError::ClientTimeout),
            SessionInput::BranchCutShort { to_blame } => self.on_cut_short(step, to_blame),
            SessionInput::ServerEnded => self.on_server_ended(step),
            SessionInput::ConnectionError => self.on_target_failure(step, RouteError::ConnectionError),
            SessionInput::ConnectionLost => self.on_branch_failure(step, RouteError::ConnectionError),
            SessionInput::TlsValidationFailed => {
                self.on_target_failure(step, RouteError::TlsValidationFailed)
            }
            SessionInput::FlowFailed => self.on_branch_failure(step, RouteError::FlowFailed),
            SessionInput::Unprotected => {
                self.on_branch_failure(step, ResolveError::UnsupportedUriScheme.into())
            }
            SessionInput::TooLarge => self.on_branch_failure(step, RouteError::MessageTooLarge),
            SessionInput::Probe => self.on_probe(step),
            SessionInput::LookAgain => self.on_look_again(step),
            SessionInput::StillListed => self.on_still_listed(step),
            SessionInput::Aborted => self.on_aborted(step),
            // RFC 3261 16.7 step 5: a 2xx of any branch is forwarded.
            SessionInput::Abandoned => self.end_abandoned(),
            SessionInput::Challenged => self.on_challenged(step),
            SessionInput::InviteTimeout => self.on_invite_timeout(),
            SessionInput::Canceled => self.on_canceled(),
            SessionInput::Withdrawn => self.on_withdrawn(),
            SessionInput::Superseded => self.on_superseded(),
            SessionInput::BranchEnded => self.on_branch_ended(),
        }
    }

    /// Ends the callback round that the last [`Action::Callback`] asked for. The blacklist is that of the profile.
    pub fn callback_done(&mut self, now: Instant, blacklist: &mut Blacklist, round: SessionRound) {
        let step = &mut Step { now, blacklist };
        self.waiting = false;
        self.aborted |= round.aborted;
        match pop(&mut self.after) {
            Some(After::Target(target)) => self.after_target(step, target, round.dropped),
            Some(After::Forward(response, status)) => self.after_response(response, status, round.dropped),
            Some(After::Final(failure)) => {
                if !round.dropped && !std::mem::take(&mut self.refusal_dropped) {
                    let (status, reason) = upstream_form(failure);
                    self.reply(status, reason);
                }
            }
            Some(After::InviteTimeout) => {
                if !round.dropped {
                    self.reply(408, "INVITE Timeout".into());
                }
            }
            Some(After::Nothing) | None => {}
        }
    }

    fn on_unroutable(&mut self, error: ResolveError) {
        if self.state == State::Resolving {
            if self.canceled {
                return self.end_canceled();
            }
            self.finish(LastResult::Failure(RouteError::from(error).into()));
        }
    }

    fn start_branch(&mut self, step: &mut Step<'_>, send: Action) {
        self.start_clock(step);
        // An ACK is forwarded statelessly: there is no transaction to wait for (RFC 3261 16.11, 17.1.1.3).
        self.branch_live = self.class != RequestClass::Ack;
        self.state = if self.branch_live { State::Pending } else { State::Done };
        self.actions.push(send);
    }

    fn on_response(&mut self, step: &mut Step<'_>, response: Arc<IncomingResponse>) {
        let status = response.status().unwrap_or(500);
        match status {
            // RFC 3261 16.7: all 2xx go upstream, also after CANCEL and after another final response.
            200..=299 => {
                self.state = State::Done;
                // Only an INVITE can get further 2xx, from other branches of a fork downstream (RFC 6026).
                self.branch_live &= self.class == RequestClass::Invite;
                if self.role == Role::Uac && self.abandoned && !self.succeeded {
                    return self.end_call(response);
                }
                self.succeeded = true;
                self.callback(Callback::Success(response.clone()), After::Forward(response, status));
            }
            _ if self.state != State::Pending => self.branch_live &= status < 200,
            ..=199 if self.canceled => {}
            ..=199 => {
                self.callback(Callback::Provisional(response.clone()), After::Forward(response, status))
            }
            // After CANCEL the final response goes upstream without callbacks. A Uac has no upstream: its script hears of it.
            _ if self.canceled && self.role == Role::Proxy => {
                self.state = State::Done;
                self.branch_live = false;
                let status = if status == 503 { 500 } else { status };
                self.forward(response, status);
            }
            _ => {
                self.branch_live = false;
                match status {
                    503 if !self.canceled && !self.withdrawn => self.on_service_unavailable(step, response),
                    _ => self.finish(LastResult::Response(response)),
                }
            }
        }
    }

    /// RFC 3263 4.3: a 503 moves on to the next target where the profile says so.
    fn on_service_unavailable(&mut self, step: &mut Step<'_>, response: Arc<IncomingResponse>) {
        self.blacklist_retry_after(step, &response);
        if self.profile.dns_failover_on_503 {
            self.last = Some(LastResult::Response(response));
            self.next_target(step);
        } else {
            self.finish(LastResult::Response(response));
        }
    }

    /// RFC 3261 21.5.4: with Retry-After the server names the time in which it wants no request.
    fn blacklist_retry_after(&mut self, step: &mut Step<'_>, response: &Message) {
        let Some(seconds) = retry_after(response) else { return };
        let ttl = self.profile.blacklist_time.max(Duration::from_secs(seconds)).min(RETRY_AFTER_LIMIT);
        self.list_target(step, Failure::service_unavailable(), ttl);
    }

    /// The same target once more; the driver has put the answer to the challenge into the request.
    fn on_challenged(&mut self, step: &mut Step<'_>) {
        let Some(target) = self.current.filter(|_| self.may_answer_challenge()) else { return };
        self.branch_live = false;
        self.start_branch(step, Action::Send(target));
    }

    /// The branch has failed by a fault of its target.
    fn on_target_failure(&mut self, step: &mut Step<'_>, error: RouteError) {
        if self.state == State::Pending && error.blacklists() {
            self.blame_target(step, error);
        }
        self.on_branch_failure(step, error);
    }

    fn blame_target(&mut self, step: &mut Step<'_>, error: RouteError) {
        match self.upgraded {
            None => self.list_target(step, error.into(), self.profile.blacklist_time),
            Some(_) => self.note_refused_upgrade(step),
        }
    }

    fn on_branch_failure(&mut self, step: &mut Step<'_>, error: RouteError) {
        self.branch_live = false;
        // Of an ACK that has left nothing is heard: one that fails has not been sent.
        if self.state != State::Pending && self.class != RequestClass::Ack {
            return;
        }
        if let Some(udp) = self.upgraded.take() {
            return self.fall_back_to_udp(step, udp);
        }
        self.last = Some(LastResult::Failure(error.into()));
        if self.over_flow {
            let last = self.last.take();
            return last.into_iter().for_each(|last| self.finish(last));
        }
        self.next_target(step);
    }

    fn on_invite_timeout(&mut self) {
        if self.state != State::Pending {
            return;
        }
        // The branch waits for nothing but a 2xx any more, so that its 487 will not answer the CANCEL.
        if self.canceled {
            return self.end_canceled();
        }
        if self.withdrawn {
            return self.end_withdrawn();
        }
        self.state = State::Done;
        self.callback(Callback::InviteTimeout, After::InviteTimeout);
    }

    fn on_canceled(&mut self) {
        // `Uac#cancel` after the final response: there is nothing to cancel (RFC 3261 9.1).
        if self.role == Role::Uac && self.state == State::Done {
            return;
        }
        (self.canceled, self.superseded) = (true, false);
        // With a branch out its 487 ends the matter; between targets nothing is out and it ends here.
        match self.state {
            State::Done | State::Pending => self.tell_canceled(),
            State::Resolving | State::Choosing | State::AskingProbe(_) => self.end_canceled(),
        }
    }

    /// `Proxy#cancel`: with a branch out its response ends the matter, else it ends here.
    fn on_withdrawn(&mut self) {
        self.withdrawn = true;
        match self.state {
            State::Done | State::Pending => {}
            State::Resolving | State::Choosing | State::AskingProbe(_) => self.end_withdrawn(),
        }
    }

    fn end_withdrawn(&mut self) {
        self.forget_targets();
        self.finish(LastResult::Failure(Failure::canceled()));
    }

    fn on_superseded(&mut self) {
        if self.state == State::Done {
            return;
        }
        self.note_superseded();
        if self.state != State::Pending {
            self.end_canceled();
        }
    }

    /// The branch ended without a final response that was passed up, for example after CANCEL was never answered.
    fn on_branch_ended(&mut self) {
        self.branch_live = false;
        if self.state == State::Pending {
            if self.canceled {
                self.end_canceled();
            } else if self.withdrawn {
                self.end_withdrawn();
            } else {
                self.state = State::Done;
            }
        }
    }

    fn end_abandoned(&mut self) {
        self.abandoned = true;
        self.state = State::Done;
        self.forget_targets();
    }

    /// A 2xx to a request of a Uac that was given up.
    fn end_call(&mut self, response: Arc<IncomingResponse>) {
        if self.class == RequestClass::Invite {
            self.actions.push(Action::EndCall(response));
        }
    }

    /// A cancelled request without a branch that will answer it. The client of a Proxy gets 487; the script of a Uac hears of it
    /// as of any other end.
    fn end_canceled(&mut self) {
        self.state = State::Done;
        self.forget_targets();
        self.reply(487, "Request Terminated".into());
        if !self.superseded {
            self.tell_canceled();
        }
        if self.role == Role::Uac {
            self.finish(LastResult::Failure(Failure::canceled()));
        }
    }

    fn tell_canceled(&mut self) {
        if !std::mem::replace(&mut self.canceled_told, true) {
            self.callback(Callback::Canceled, After::Nothing);
        }
    }

    /// Gives the final result: callbacks first, then upstream.
    fn finish(&mut self, result: LastResult) {
        self.state = State::Done;
        match result {
            LastResult::Failure(failure) => {
                self.callback(Callback::Error(failure.clone()), After::Final(failure));
            }
            LastResult::Response(response) => {
                let status = response.status().unwrap_or(500);
                // Without failover a proxy answers 500 in place of 503 and its blocks see that (RFC 3261 16.7).
                let hidden = self.role == Role::Proxy && status == 503 && !self.profile.dns_failover_on_503;
                let seen = if hidden { 500 } else { status };
                self.callback(Callback::Failure(response.clone(), seen), After::Forward(response, seen));
            }
        }
    }

    fn after_response(&mut self, response: Arc<IncomingResponse>, status: u16, dropped: bool) {
        if !dropped {
            let status = if status == 503 { 500 } else { status };
            self.forward(response, status);
        }
    }

    fn forward(&mut self, response: Arc<IncomingResponse>, status: u16) {
        // RFC 4320 4.1, 4.2: neither a provisional response nor a 408 of a non-INVITE request goes upstream.
        let late = self.class == RequestClass::NonInvite && (status < 200 || status == 408);
        if self.role == Role::Proxy && !late {
            self.actions.push(Action::Forward(response, status));
        }
    }

    fn reply(&mut self, status: u16, reason: Cow<'static, str>) {
        let late = self.class == RequestClass::NonInvite && status == 408;
        if self.role == Role::Proxy && self.class != RequestClass::Ack && !late {
            self.actions.push(Action::Reply { status, reason });
        }
    }

    fn callback(&mut self, callback: Callback, after: After) {
        self.actions.push(Action::Callback(callback));
        self.after.push(after);
    }
}

/// What goes upstream for a failure. A server that is known to be unavailable is no reason for the client to turn away from
/// this proxy: as with a 503 just received, it is told 500 (RFC 3261 16.7 step 6).
fn upstream_form(failure: Failure) -> (u16, Cow<'static, str>) {
    if failure == Failure::service_unavailable() {
        return (500, reason_phrase(500).into());
    }
    (failure.status, failure.reason)
}

/// The seconds that a response asks to be left alone for.
pub fn retry_after(response: &Message) -> Option<u64> {
    response.header_named(b"Retry-After").and_then(leading_number)
}

/// The decimal number that a header value starts with (`Retry-After: 120 (maintenance)`), the largest one there is in
/// place of any larger.
fn leading_number(value: &[u8]) -> Option<u64> {
    let digits: &[u8] = &value[..value.iter().take_while(|b| b.is_ascii_digit()).count()];
    let number =
        digits.iter().fold(0u64, |n, digit| n.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
    (!digits.is_empty()).then_some(number)
}
