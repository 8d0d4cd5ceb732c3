//! What tests of a session share: a session with a clock and a blacklist, whose actions are lists of texts.

use super::{policy, profile};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oversip::client::session::{Action, Callback, RequestClass, Role, Session, SessionInput, SessionRound};
use oversip::client::{Blacklist, IncomingResponse, Profile};
use oversip::message::Message;
use oversip::resolve::Target;
use oversip::transport::{Source, Transport};

/// 64*T1.
pub const PATIENCE: Duration = Duration::from_secs(32);

pub struct Case {
    pub session: Session,
    pub now: Instant,
    pub blacklist: Blacklist,
}

impl Case {
    pub fn new(role: Role, class: RequestClass, change: impl Fn(&mut Profile)) -> Case {
        let mut profile = profile::profile(policy::policy());
        change(&mut profile);
        let session = Session::new(role, class, Arc::new(profile), PATIENCE);
        Case { session, now: Instant::now(), blacklist: Blacklist::new() }
    }

    pub fn proxy(class: RequestClass) -> Case {
        Case::new(Role::Proxy, class, |_| {})
    }

    /// Gives an input to the session and lists its actions; callbacks end without a decision.
    pub fn give(&mut self, input: SessionInput) -> Vec<String> {
        self.give_with(input, |_| SessionRound::default())
    }

    pub fn give_with(&mut self, input: SessionInput, round: impl Fn(&str) -> SessionRound) -> Vec<String> {
        self.session.handle(self.now, &mut self.blacklist, input);
        let mut seen = Vec::new();
        while let Some(action) = self.session.next_action() {
            let text = describe(&action);
            if matches!(action, Action::Callback(_)) {
                self.session.callback_done(self.now, &mut self.blacklist, round(&text));
            }
            seen.push(text);
        }
        seen
    }
}

pub fn describe(action: &Action) -> String {
    match action {
        Action::Callback(Callback::Provisional(_)) => "on_provisional_response".into(),
        Action::Callback(Callback::Success(_)) => "on_success_response".into(),
        Action::Callback(Callback::Failure(_, status)) => format!("on_failure_response {status}"),
        Action::Callback(Callback::Canceled) => "on_canceled".into(),
        Action::Callback(Callback::InviteTimeout) => "on_invite_timeout".into(),
        Action::Callback(Callback::Error(failure)) => {
            format!("on_error {} {} {}", failure.status, failure.reason, failure.code)
        }
        Action::Callback(Callback::Target(target)) => format!("on_target {target}"),
        Action::Send(target) => format!("send {target}"),
        Action::AskProbe(target) => format!("ask for the probe of {target}"),
        Action::SendOverFlow => "send over the flow".into(),
        Action::Forward(_, status) => format!("forward {status}"),
        Action::EndCall(_) => "end the call".into(),
        Action::Reply { status, reason } => format!("reply {status} {reason}"),
    }
}

pub fn target(port: u16) -> Target {
    Target::new(Transport::Udp, [192, 0, 2, 1].into(), port)
}

pub fn targets(ports: &[u16]) -> SessionInput {
    SessionInput::Targets(ports.iter().copied().map(target).collect())
}

pub fn response(status: u16, more: &str) -> SessionInput {
    let text = format!(
        "SIP/2.0 {status} X\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\n\
         Call-ID: c\r\nCSeq: 1 INVITE\r\n{more}\r\n"
    );
    let (message, _) = Message::parse(Bytes::from(text)).expect("a valid response");
    let address = "192.0.2.1:5060".parse().expect("an address");
    let source = Source {
        transport: Transport::Udp,
        remote: address,
        local: address,
        connection: None,
        inbound: true,
    };
    SessionInput::Response(Arc::new(IncomingResponse { message, source }))
}

pub const DROP: SessionRound = SessionRound { dropped: true, aborted: false };
