//! What the element of a world does that no message shows, as Ruby sees it.

use magnus::{prelude::*, Error, IntoValue, RArray, RHash, RString, Ruby};
use oversip::element::{AttemptEnd, Happening, SendFailure, Subject};
use oversip::resolve::{Asked, Target};
use oversip::transaction::Timer;

use super::object::RubyWorld;
use crate::text;

/// `happenings(from)`: from a number on. Each is `[at, kind, details]`.
pub(super) fn happenings(ruby: &Ruby, this: RubyWorld, from: usize) -> Result<RArray, Error> {
    let host = this.host(ruby)?;
    let new: Vec<(f64, Happening)> = {
        let world = host.world();
        let trace = world.element(host.element).trace();
        let timed = |(at, what): &(_, Happening)| (world.time_of(*at).as_secs_f64(), what.clone());
        trace.map(|trace| trace.from(from).map(timed).collect()).unwrap_or_default()
    };
    let list = ruby.ary_new_capa(new.len());
    for (at, happening) in new {
        let details = Details(ruby, ruby.hash_new());
        let kind = details.fill(&happening)?;
        details.1.freeze();
        let row = ruby.ary_new_capa(3);
        row.push(at)?;
        row.push(ruby.to_symbol(kind))?;
        row.push(details.1)?;
        row.freeze();
        list.push(row)?;
    }
    Ok(list)
}

/// `blacklist`: the targets on it.
pub(super) fn blacklist(ruby: &Ruby, this: RubyWorld) -> Result<RArray, Error> {
    let host = this.host(ruby)?;
    let listed = host.world().step_element(host.element, |element, now| element.blacklisted(now));
    Ok(ruby.ary_from_iter(listed.iter().map(|target| frozen(ruby, target.as_bytes()))))
}

/// What there is to say of something that has happened.
struct Details<'a>(&'a Ruby, RHash);

impl Details<'_> {
    /// The kind of the happening.
    fn fill(&self, happening: &Happening) -> Result<&'static str, Error> {
        Ok(match happening {
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
