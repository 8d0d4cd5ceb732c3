//! What the methods of a world are given.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use magnus::{prelude::*, r_hash::ForEach, Error, RHash, Ruby, Symbol, TryConvert, Value};
use oversip::message::Transport;
use oversip::simulation::{Conditions, Reachability, Trouble};

use crate::text;

pub(super) fn error(ruby: &Ruby, message: String) -> Error {
    Error::new(ruby.exception_arg_error(), message)
}

pub(super) fn address(ruby: &Ruby, text: &str) -> Result<SocketAddr, Error> {
    let complaint = || format!("{text:?} is no address with a port, such as 10.0.0.1:5060");
    text.parse().map_err(|_| error(ruby, complaint()))
}

pub(super) fn ip(ruby: &Ruby, text: &str) -> Result<IpAddr, Error> {
    text.parse().map_err(|_| error(ruby, format!("{text:?} is no IP address, such as 10.0.0.1")))
}

pub(super) fn transport(ruby: &Ruby, name: Symbol) -> Result<Transport, Error> {
    let name = name.name()?;
    name.parse().map_err(|_| error(ruby, format!("{name} is no transport, such as udp")))
}

/// Whether a party can have an address.
pub(super) fn usable(
    ruby: &Ruby,
    transport: Transport,
    address: SocketAddr,
    taken: bool,
) -> Result<(), Error> {
    if taken {
        let message = format!(
            "{transport}:{address} is taken: give each party of a world an address or a port of its own"
        );
        return Err(error(ruby, message));
    }
    if address.ip().is_unspecified() || address.port() == 0 {
        let message =
            format!("{address} is no address of a host: name its IP and its port, such as 10.0.0.1:5060");
        return Err(error(ruby, message));
    }
    Ok(())
}

/// The key and value of an option that is not nil.
fn option<T: TryConvert>(ruby: &Ruby, options: RHash, name: &str) -> Result<Option<T>, Error> {
    let given = options.get(ruby.to_symbol(name)).filter(|value: &Value| !value.is_nil());
    given.map(T::try_convert).transpose()
}

/// `{ loss:, repetition:, reordering:, delay:, jitter:, held_up: }`: shares per mille, times in seconds. What is not given is
/// as on a network that loses nothing and takes no time.
pub(super) fn conditions(ruby: &Ruby, options: RHash) -> Result<Conditions, Error> {
    const NAMES: [&str; 6] = ["loss", "repetition", "reordering", "delay", "jitter", "held_up"];
    options.foreach(|key: Symbol, _: Value| {
        let name = key.name()?;
        match NAMES.contains(&&*name) {
            true => Ok(ForEach::Continue),
            false => Err(error(ruby, format!("unknown condition {name}: there are {}", NAMES.join(", ")))),
        }
    })?;
    let share = |name| match option::<u32>(ruby, options, name)?.unwrap_or(0) {
        share @ 0..=1000 => Ok(share),
        share => Err(error(ruby, format!("{name} is a share per mille, from 0 to 1000, not {share}"))),
    };
    let time = |name| {
        option::<f64>(ruby, options, name)?.map(|seconds| text::seconds_argument(ruby, seconds)).transpose()
    };
    Ok(Conditions {
        loss: share("loss")?,
        repetition: share("repetition")?,
        reordering: share("reordering")?,
        delay: time("delay")?.unwrap_or(Duration::ZERO),
        jitter: time("jitter")?.unwrap_or(Duration::ZERO),
        held_up: time("held_up")?.unwrap_or(Conditions::default().held_up),
    })
}

pub(super) fn reachability(ruby: &Ruby, how: Symbol) -> Result<Reachability, Error> {
    match &*how.name()? {
        "refused" => Ok(Reachability::Refused),
        "silent" => Ok(Reachability::Silent),
        other => Err(error(ruby, format!("an address is cut off as refused or silent, not as {other}"))),
    }
}

pub(super) fn trouble(ruby: &Ruby, what: Symbol) -> Result<Trouble, Error> {
    match &*what.name()? {
        "server_failure" => Ok(Trouble::ServerFailure),
        "silence" => Ok(Trouble::Silence),
        other => Err(error(ruby, format!("a name meets server_failure or silence, not {other}"))),
    }
}
