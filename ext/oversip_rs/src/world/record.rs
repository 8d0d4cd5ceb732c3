//! What was sent in a world, as Ruby sees it.

use std::time::Duration;

use magnus::{prelude::*, Error, RArray, RString, Ruby};
use oversip::simulation::{ConnectionOutcome, Entry, Fate, TriedConnection};

use super::object::RubyWorld;
use crate::text;

/// `entries(from)`: the messages that were sent, from a number on. Each is `[at, sender, receiver, transport, from, to, fate,
/// bytes]`; the receiver is nil where nobody listens.
pub(super) fn entries(ruby: &Ruby, this: RubyWorld, from: usize) -> Result<RArray, Error> {
    let host = this.host(ruby)?;
    let new: Vec<(Entry, Option<String>)> = {
        let world = host.world();
        let named = |entry: &Entry| (entry.clone(), entry.receiver.map(|id| world.name(id).to_owned()));
        world.record().entries().iter().skip(from).map(named).collect()
    };
    let list = ruby.ary_new_capa(new.len());
    for (entry, receiver) in new {
        let fate = match entry.fate {
            Fate::Sent => "sent",
            Fate::Repeated => "repeated",
            Fate::Lost => "lost",
            Fate::Refused => "refused",
        };
        let row = ruby.ary_new_capa(8);
        row.push(entry.at.as_secs_f64())?;
        row.push(frozen(ruby, &entry.party))?;
        row.push(receiver.map(|name| frozen(ruby, &name)))?;
        row.push(ruby.to_symbol(entry.transport.as_str()))?;
        row.push(frozen(ruby, &entry.from.to_string()))?;
        row.push(frozen(ruby, &entry.to.to_string()))?;
        row.push(ruby.to_symbol(fate))?;
        let bytes = text::binary(ruby, &entry.wire);
        bytes.freeze();
        row.push(bytes)?;
        row.freeze();
        list.push(row)?;
    }
    Ok(list)
}

/// `openings(from)`: the connections that the element has opened, from a number on. Each is `[at, receiver, transport, to,
/// outcome]`; the outcome is `:opening` until it is known.
pub(super) fn openings(ruby: &Ruby, this: RubyWorld, from: usize) -> Result<RArray, Error> {
    let host = this.host(ruby)?;
    let new: Vec<(TriedConnection, Option<String>)> = {
        let world = host.world();
        let named =
            |tried: &TriedConnection| (tried.clone(), tried.receiver.map(|id| world.name(id).to_owned()));
        world.record().connections().iter().skip(from).map(named).collect()
    };
    let list = ruby.ary_new_capa(new.len());
    for (tried, receiver) in new {
        let outcome = match tried.outcome {
            ConnectionOutcome::Opening => "opening",
            ConnectionOutcome::Up => "up",
            ConnectionOutcome::Refused => "refused",
            ConnectionOutcome::TimedOut => "timed_out",
            ConnectionOutcome::NotAccepted => "not_accepted",
        };
        let row = ruby.ary_new_capa(5);
        row.push(tried.at.as_secs_f64())?;
        row.push(receiver.map(|name| frozen(ruby, &name)))?;
        row.push(ruby.to_symbol(tried.transport.as_str()))?;
        row.push(frozen(ruby, &tried.to.to_string()))?;
        row.push(ruby.to_symbol(outcome))?;
        row.freeze();
        list.push(row)?;
    }
    Ok(list)
}

/// `now`: the seconds since the beginning.
pub(super) fn now(ruby: &Ruby, this: RubyWorld) -> Result<f64, Error> {
    let now: Duration = this.host(ruby)?.world().now();
    Ok(now.as_secs_f64())
}

fn frozen(ruby: &Ruby, text: &str) -> RString {
    let text = text::utf8(ruby, text.as_bytes());
    text.freeze();
    text
}
