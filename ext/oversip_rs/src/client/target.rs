//! The target of the moment: `current_target`, `add_target_to_blacklist`.

use std::time::Duration;

use magnus::{prelude::*, scan_args::scan_args, Error, RClass, RModule, Ruby, Value};
use oversip::client::{Failure, Target};
use oversip::clock::Clock;
use oversip::engine::SystemClock;

use super::object::RubyClient;
use crate::{classes::oversip_module, profile, runtime, text};

/// Bounds of the life of a blacklist entry, seconds.
const BLACKLIST_TIMEOUT: std::ops::RangeInclusive<i64> = 2..=600;

/// The responses that a blacklisted target may stand for.
const BLACKLIST_STATUS: std::ops::RangeInclusive<u16> = 300..=699;

/// In a block the target of the event's request, else the last one of all.
fn present_target(ruby: &Ruby, this: RubyClient) -> Option<Target> {
    this.present.with(ruby, |event| event.target).unwrap_or_else(|| this.shared().current_target())
}

pub(super) fn current_target(ruby: &Ruby, this: RubyClient) -> Result<Value, Error> {
    match present_target(ruby, this) {
        Some(target) => target_value(ruby, this, target),
        None => Ok(ruby.qnil().as_value()),
    }
}

/// The Struct for a target, the same one as long as the target stays.
pub(super) fn target_value(ruby: &Ruby, this: RubyClient, target: Target) -> Result<Value, Error> {
    if this.shown_target.borrow().as_ref() == Some(&target) {
        return Ok(this.target.get_or_nil(ruby));
    }
    let object = target_struct(ruby, &target)?;
    this.target.set(this, object);
    *this.shown_target.borrow_mut() = Some(target);
    Ok(object)
}

fn target_struct(ruby: &Ruby, target: &Target) -> Result<Value, Error> {
    let sip: RModule = oversip_module(ruby)?.const_get("SIP")?;
    let rfc3263: RModule = sip.const_get("RFC3263")?;
    let class: RClass = rfc3263.const_get("Target")?;
    let ip = ruby.str_new(&target.ip_text());
    let arguments = (
        text::symbol(ruby, target.transport.as_str()),
        ip,
        text::symbol(ruby, target.family().as_str()),
        target.port(),
    );
    class.funcall("new", arguments)
}

pub(super) fn add_target_to_blacklist(ruby: &Ruby, this: RubyClient, args: &[Value]) -> Result<bool, Error> {
    let args = scan_args::<(), (Option<Value>, Option<Value>, Option<Value>), (), (), (), ()>(args)?;
    let (timeout, status, reason) = args.optional;
    let Some(target) = present_target(ruby, this) else { return Ok(false) };
    let profile = profile::read(ruby, this.profile_hash(ruby)?)?;
    let ttl = match timeout.filter(|timeout| !timeout.is_nil()) {
        None => profile.parameters.blacklist_time,
        Some(timeout) => blacklist_time(ruby, timeout)?,
    };
    let status = match status {
        None => 403,
        Some(status) => blacklist_status(ruby, status)?,
    };
    let reason = match reason.filter(|reason| !reason.is_nil()) {
        None => "Destination Blacklisted".to_owned(),
        Some(reason) => String::from_utf8_lossy(&text::text_of(reason)?).into_owned(),
    };
    let failure = Failure::destination_blacklisted(status, reason);
    let host = runtime::current_host();
    profile
        .blacklist
        .with(host.as_ref(), SystemClock.now(), |list, now| list.add(now, &target.to_string(), failure, ttl));
    Ok(true)
}

fn blacklist_status(ruby: &Ruby, value: Value) -> Result<u16, Error> {
    let status = u16::try_from(text::integer_argument(ruby, value, "status_code")?).ok();
    status.filter(|status| BLACKLIST_STATUS.contains(status)).ok_or_else(|| {
        text::runtime_error(ruby, format!("status_code must be between 300 and 699, not {}", value.inspect()))
    })
}

/// The time that a script gives, cut to whole seconds as `to_i` does.
fn blacklist_time(ruby: &Ruby, timeout: Value) -> Result<Duration, Error> {
    if !timeout.respond_to("to_i", false)? {
        let message = format!("timeout must be a number of seconds, not {}", timeout.inspect());
        return Err(Error::new(ruby.exception_type_error(), message));
    }
    // Infinity has no `to_i`, and a huge number does not fit.
    let seconds = timeout.funcall::<_, _, i64>("to_i", ()).ok().filter(|s| BLACKLIST_TIMEOUT.contains(s));
    match seconds {
        Some(seconds) => Ok(Duration::from_secs(seconds.unsigned_abs())),
        None => {
            let message = format!("timeout must be between 2 and 600 seconds, not {}", timeout.inspect());
            Err(text::runtime_error(ruby, message))
        }
    }
}
