//! The network and the names of a world.

use magnus::{scan_args::scan_args, Error, RArray, RHash, Ruby, Symbol, TryConvert, Value};
use oversip::random::Random;

use super::{arguments, object::RubyWorld};
use crate::text;

/// `add_record(name, kind, *data)`: `:a` and `:aaaa` with an IP, `:srv` with priority, weight, port and target, `:naptr` with
/// order, preference, service and replacement, `:cname` with the name that it is an alias of.
pub(super) fn add_record(ruby: &Ruby, this: RubyWorld, args: &[Value]) -> Result<(), Error> {
    let args = scan_args::<(String, Symbol), (), RArray, (), (), ()>(args)?;
    let ((name, kind), data) = (args.required, args.splat);
    let host = this.host(ruby)?;
    match &*kind.name()? {
        "a" | "aaaa" => {
            let (text,) = fields::<(String,)>(ruby, data)?;
            let ip = arguments::ip(ruby, &text)?;
            if ip.is_ipv4() != (&*kind.name()? == "a") {
                return Err(arguments::error(ruby, format!("{text} is of the other kind than {kind}")));
            }
            host.world().zone().address(&name, ip);
        }
        "srv" => {
            let (priority, weight, port, target) = fields::<(u16, u16, u16, String)>(ruby, data)?;
            host.world().zone().srv(&name, priority, weight, port, &target);
        }
        "naptr" => {
            let (order, preference, service, to) = fields::<(u16, u16, String, String)>(ruby, data)?;
            host.world().zone().naptr(&name, order, preference, &service, &to);
        }
        "cname" => {
            let (of,) = fields::<(String,)>(ruby, data)?;
            host.world().zone().alias(&name, &of);
        }
        other => return Err(arguments::error(ruby, format!("there are no records of the kind {other}"))),
    }
    Ok(())
}

fn fields<T: TryConvert>(ruby: &Ruby, data: RArray) -> Result<T, Error> {
    T::try_convert(magnus::value::ReprValue::as_value(data))
        .map_err(|error| arguments::error(ruby, format!("the data of the record do not fit: {error}")))
}

/// `remove_records(name)`: takes away all that is known of a name, trouble included.
pub(super) fn remove_records(ruby: &Ruby, this: RubyWorld, name: String) -> Result<(), Error> {
    this.host(ruby)?.world().zone().forget(&name);
    Ok(())
}

/// `trouble(name, :server_failure | :silence | nil)`.
pub(super) fn trouble(ruby: &Ruby, this: RubyWorld, name: String, what: Option<Symbol>) -> Result<(), Error> {
    let (host, what) = (this.host(ruby)?, what.map(|what| arguments::trouble(ruby, what)).transpose()?);
    host.world().zone().set_trouble(&name, what);
    Ok(())
}

/// `dns_delay(seconds)`: how long a name server takes to answer.
pub(super) fn dns_delay(ruby: &Ruby, this: RubyWorld, seconds: f64) -> Result<(), Error> {
    let delay = text::seconds_argument(ruby, seconds)?;
    this.host(ruby)?.world().zone().set_delay(delay);
    Ok(())
}

/// `dns_ttl(seconds)`: how long the records may be kept that are added from now on; 60 s at first.
pub(super) fn dns_ttl(ruby: &Ruby, this: RubyWorld, seconds: f64) -> Result<(), Error> {
    let ttl = text::seconds_argument(ruby, seconds)?;
    this.host(ruby)?.world().zone().set_ttl(ttl);
    Ok(())
}

/// `set_conditions(conditions, from_ip = nil, to_ip = nil)`: for all hosts, or for the way from one to another.
pub(super) fn set_conditions(ruby: &Ruby, this: RubyWorld, args: &[Value]) -> Result<(), Error> {
    let args = scan_args::<(RHash,), (Option<Option<String>>, Option<Option<String>>), (), (), (), ()>(args)?;
    let conditions = arguments::conditions(ruby, args.required.0)?;
    let host = this.host(ruby)?;
    match (args.optional.0.flatten(), args.optional.1.flatten()) {
        (None, None) => host.world().network().set_conditions(conditions),
        (Some(from), Some(to)) => {
            let (from, to) = (arguments::ip(ruby, &from)?, arguments::ip(ruby, &to)?);
            host.world().network().set_conditions_between(from, to, conditions);
        }
        _ => return Err(arguments::error(ruby, "a way has two ends: give both addresses or none".into())),
    }
    Ok(())
}

/// `seed=`: what the network loses, repeats and holds up is drawn from this number from now on.
pub(super) fn set_seed(ruby: &Ruby, this: RubyWorld, seed: u64) -> Result<(), Error> {
    *this.host(ruby)?.world().random() = Random::from_number(seed);
    Ok(())
}

/// `cut_off(address, :refused | :silent)`.
pub(super) fn cut_off(ruby: &Ruby, this: RubyWorld, at: String, how: Symbol) -> Result<(), Error> {
    let (at, how) = (arguments::address(ruby, &at)?, arguments::reachability(ruby, how)?);
    this.host(ruby)?.world().network().cut_off(at, how);
    Ok(())
}

/// `restore(address)`: it can be reached again.
pub(super) fn restore(ruby: &Ruby, this: RubyWorld, at: String) -> Result<(), Error> {
    let at = arguments::address(ruby, &at)?;
    this.host(ruby)?.world().network().restore(at);
    Ok(())
}
