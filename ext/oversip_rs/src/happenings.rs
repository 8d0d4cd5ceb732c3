//! What an element does that no message shows, as Ruby sees it.

use std::time::Instant;

use magnus::{prelude::*, Error, IntoValue, RArray, RHash, RString, Ruby, Value};
use oversip::element::{AttemptEnd, Happening, ObservedRequest};
use oversip::engine::Engine;
use oversip::resolve::{Asked, Target};

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
    let new: Vec<_> = engine.take_happenings().into_iter().map(|(at, it)| (seconds(at), it)).collect();
    let _: Value = dispatcher_module(ruby).funcall("happened", (rows(ruby, &new)?,))?;
    Ok(())
}

/// `OverSIP::Engine.tell_happenings = wanted`: whether `OverSIP::Dispatcher.happened` is told what the engine does. Nothing is done
/// without a running one; a world keeps what happens by itself.
pub fn set_told(wanted: bool) {
    if let Some(engine) = runtime::current() {
        engine.tell_happenings(wanted);
    }
}

/// What there is to say of something that has happened.
struct Details<'a>(&'a Ruby, RHash);

impl Details<'_> {
    /// The kind of the happening.
    fn fill(&self, happening: &Happening) -> Result<&'static str, Error> {
        Ok(match happening {
            Happening::Received { of, .. } => {
                self.put_request(of)?;
                "received"
            }
            Happening::Progress { of, status, by, .. } => {
                self.put("status", *status)?;
                self.put("by", self.0.to_symbol(by.as_str()))?;
                self.put_request(of)?;
                "progress"
            }
            Happening::DroppedResponse { of, status } => {
                self.put("status", *status)?;
                self.put_request(of)?;
                "dropped_response"
            }
            Happening::PassedOver { target, call_id } => {
                self.put("target", self.target(target))?;
                self.put("call_id", call_id.as_ref().map(|id| frozen(self.0, id)))?;
                "passed_over"
            }
            Happening::Answered { of, status, by, .. } => {
                self.put("status", *status)?;
                self.put("by", self.0.to_symbol(by.as_str()))?;
                self.put_request(of)?;
                "answered"
            }
            Happening::Unanswered { of, .. } => {
                self.put_request(of)?;
                "unanswered"
            }
            Happening::Timer { timer, of } => {
                self.put("name", frozen(self.0, timer.name().as_bytes()))?;
                self.put_request(of)?;
                "timer"
            }
            Happening::Attempt { target, of } => {
                self.put("target", self.target(target))?;
                self.put_request(of)?;
                "attempt"
            }
            Happening::AttemptEnded { target, of, end, .. } => {
                self.put("target", self.target(target))?;
                self.put("outcome", self.0.to_symbol(end.outcome()))?;
                let status = if let AttemptEnd::Answered(status) = end { Some(*status) } else { None };
                self.put("status", status)?;
                self.put_request(of)?;
                "attempt_ended"
            }
            Happening::Resolved { asked, targets, call_id, .. } => {
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
            Happening::FlowOpened { peer, local, inbound, .. } => {
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

    fn put_request(&self, of: &ObservedRequest) -> Result<(), Error> {
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

fn frozen(ruby: &Ruby, text: &[u8]) -> RString {
    let text = text::utf8(ruby, text);
    text.freeze();
    text
}
