//! What an element does that no message shows, as Ruby sees it.

use std::time::Instant;

use magnus::{prelude::*, Error, IntoValue, RArray, RHash, RString, Ruby, Value};
use oversip::element::{AttemptEnd, Happening, SendFailure, Subject};
use oversip::engine::Engine;
use oversip::resolve::{Asked, Target};
use oversip::transaction::Timer;

use crate::{classes::dispatcher_module, running_event, runtime, text};

/// Each as `[at, kind, details]`, with a time in seconds.
pub fn rows(ruby: &Ruby, happenings: &[(f64, Happening)]) -> Result<RArray, Error> {
    let list = ruby.ary_new_capa(happenings.len());
    for (at, happening) in happenings {
        let details = Details(ruby, ruby.hash_new());
        let kind = details.fill(happening)?;
        details.1.freeze();
        let row = ruby.ary_new_capa(3);
        row.push(*at)?;
        row.push(ruby.to_symbol(kind))?;
        row.push(details.1)?;
        row.freeze();
        list.push(row)?;
    }
    Ok(list)
}

/// Hands what the engine has done to `OverSIP::Dispatcher.happened`.
pub fn tell(ruby: &Ruby, engine: &Engine) -> Result<(), Error> {
    let seconds = |at: Instant| running_event::position(at) as f64 / 1e9;
    let new: Vec<_> = engine.take_trace().into_iter().map(|(at, it)| (seconds(at), it)).collect();
    let _: Value = dispatcher_module(ruby).funcall("happened", (rows(ruby, &new)?,))?;
    Ok(())
}

/// `OverSIP::Engine.trace = wanted`: whether `OverSIP::Dispatcher.happened` is told what the engine does. Nothing is done without
/// a running one; a world keeps its trace by itself.
pub fn set_trace(wanted: bool) {
    if let Some(engine) = runtime::current() {
        engine.trace(wanted);
    }
}

/// What there is to say of something that has happened.
struct Details<'a>(&'a Ruby, RHash);

impl Details<'_> {
    /// The kind of the happening.
    fn fill(&self, happening: &Happening) -> Result<&'static str, Error> {
        Ok(match happening {
            Happening::Received { of } => {
                self.subject(of)?;
                "received"
            }
            Happening::Answered { of, status } => {
                self.put("status", *status)?;
                self.subject(of)?;
                "answered"
            }
            Happening::Timer { timer, of } => {
                self.put("name", frozen(self.0, name(*timer).as_bytes()))?;
                self.subject(of)?;
                "timer"
            }
            Happening::Attempt { target, of } => {
                self.put("target", self.target(target))?;
                self.subject(of)?;
                "attempt"
            }
            Happening::AttemptEnded { target, of, end } => {
                self.put("target", self.target(target))?;
                self.put("outcome", self.0.to_symbol(outcome(*end)))?;
                let status = if let AttemptEnd::Answered(status) = end { Some(*status) } else { None };
                self.put("status", status)?;
                self.subject(of)?;
                "attempt_ended"
            }
            Happening::Resolved { asked, targets, call_id } => {
                self.put("asked", self.asked(asked)?)?;
                let list = self.0.ary_from_iter(targets.iter().map(|target| self.target(target)));
                list.freeze();
                self.put("targets", list)?;
                self.put("call_id", call_id.as_ref().map(|id| frozen(self.0, id)))?;
                "resolved"
            }
            Happening::Blacklisted { target } => {
                self.put("target", self.target(target))?;
                "blacklisted"
            }
            Happening::FlowOpened { peer, local, inbound } => {
                self.put("peer", self.target(peer))?;
                self.put("local", frozen(self.0, local.to_string().as_bytes()))?;
                self.put("inbound", *inbound)?;
                "flow_opened"
            }
            Happening::FlowClosed { peer } => {
                self.put("peer", self.target(peer))?;
                "flow_closed"
            }
        })
    }

    fn subject(&self, of: &Subject) -> Result<(), Error> {
        self.put("method", self.0.to_symbol(&*String::from_utf8_lossy(of.method.as_bytes())))?;
        self.put("branch", frozen(self.0, &of.branch))?;
        self.put("call_id", of.call_id.as_ref().map(|id| frozen(self.0, id)))
    }

    fn asked(&self, asked: &Asked) -> Result<RHash, Error> {
        let parts = Details(self.0, self.0.hash_new());
        parts.put("scheme", frozen(self.0, asked.scheme.as_bytes()))?;
        parts.put("host", frozen(self.0, asked.host.as_bytes()))?;
        parts.put("port", asked.port)?;
        parts.put("transport", asked.transport.as_ref().map(|name| self.0.to_symbol(name)))?;
        parts.1.freeze();
        Ok(parts.1)
    }

    fn target(&self, target: &Target) -> RString {
        frozen(self.0, target.to_string().as_bytes())
    }

    fn put(&self, name: &str, value: impl IntoValue) -> Result<(), Error> {
        self.1.aset(self.0.to_symbol(name), value)
    }
}

/// The name of a timer: that of RFC 3261 or RFC 6026 where it has one.
fn name(timer: Timer) -> &'static str {
    match timer {
        Timer::A => "A",
        Timer::B => "B",
        Timer::C => "C",
        Timer::D => "D",
        Timer::E | Timer::CancelE => "E",
        Timer::F => "F",
        Timer::G => "G",
        Timer::H => "H",
        Timer::I => "I",
        Timer::J => "J",
        Timer::K => "K",
        Timer::L => "L",
        Timer::M => "M",
        Timer::CancelWait => "CANCEL",
        Timer::C2 => "C2",
        Timer::Int1 => "INT1",
        Timer::Int2 => "INT2",
    }
}

fn outcome(end: AttemptEnd) -> &'static str {
    match end {
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

fn frozen(ruby: &Ruby, text: &[u8]) -> RString {
    let text = text::utf8(ruby, text);
    text.freeze();
    text
}
