//! A proxy profile, read from its Ruby Hash each time `route` is called.

use std::sync::Arc;
use std::time::Duration;

use magnus::{
    prelude::*,
    typed_data::Obj,
    value::{Lazy, StaticSymbol},
    Error, RArray, RHash, RString, Ruby, Symbol, Value,
};
use oversip::client::{IpFamily, Profile, VerifyServer};
use oversip::transport::Transport;

use crate::caches::{BlacklistObject, DnsCacheObject};
use crate::text;

/// A key of the Hash, made once.
macro_rules! key {
    ($ruby:expr, $name:literal) => {{
        static KEY: Lazy<StaticSymbol> = Lazy::new(|ruby| ruby.sym_new($name));
        $ruby.get_inner(&KEY)
    }};
}

/// Reads a profile. What is absent has its default; a value of the wrong kind raises `OverSIP::RuntimeError`, since the
/// configuration was checked and only a script can have put it there.
pub fn read(ruby: &Ruby, hash: RHash) -> Result<Arc<Profile>, Error> {
    let defaults = Profile::default;
    let reader = Reader { ruby, hash };
    let blacklist = match hash.get(key!(ruby, "blacklist")).map(Obj::<BlacklistObject>::try_convert) {
        Some(Ok(object)) => object.store(),
        _ => defaults().blacklist,
    };
    let dns_cache = match hash.get(key!(ruby, "dns_cache")).map(Obj::<DnsCacheObject>::try_convert) {
        Some(Ok(object)) => object.store(),
        _ => defaults().dns_cache,
    };
    let mut profile = Profile {
        name: reader.text(key!(ruby, "name"))?,
        do_record_routing: reader.flag(key!(ruby, "do_record_routing"), true),
        record_route_all: reader.flag(key!(ruby, "record_route_all"), false),
        use_dns: reader.flag(key!(ruby, "use_dns"), true),
        use_dns_cache: reader.flag(key!(ruby, "use_dns_cache"), true),
        dns_cache_time: reader.seconds(key!(ruby, "dns_cache_time"), 300.0)?,
        dns_cache_respect_ttl: reader.flag(key!(ruby, "dns_cache_respect_ttl"), true),
        use_blacklist: reader.flag(key!(ruby, "use_blacklist"), true),
        blacklist_time: reader.seconds(key!(ruby, "blacklist_time"), 10.0)?,
        use_naptr: reader.flag(key!(ruby, "use_naptr"), true),
        use_srv: reader.flag(key!(ruby, "use_srv"), true),
        transport_preference: reader.list(key!(ruby, "transport_preference"), transport)?,
        force_transport_preference: reader.flag(key!(ruby, "force_transport_preference"), false),
        ip_type_preference: reader.list(key!(ruby, "ip_type_preference"), family)?,
        dns_failover_on_503: reader.flag(key!(ruby, "dns_failover_on_503"), true),
        timer_b: reader.seconds(key!(ruby, "timer_B"), 32.0)?,
        timer_c: reader.seconds(key!(ruby, "timer_C"), 120.0)?,
        timer_f: reader.seconds(key!(ruby, "timer_F"), 32.0)?,
        routing_time: reader.optional_seconds(key!(ruby, "routing_time"))?,
        max_targets: reader.count(key!(ruby, "max_targets"), 16)?,
        udp_mtu: reader.size(key!(ruby, "udp_mtu"), 1300)?,
        callback_on_server_tls_handshake: reader.flag(key!(ruby, "callback_on_server_tls_handshake"), true),
        verify_server: reader.verify_server(key!(ruby, "verify_server"))?,
        connect_timeout: reader.seconds(key!(ruby, "connect_timeout"), 2.0)?,
        tls_handshake_timeout: reader.seconds(key!(ruby, "tls_handshake_timeout"), 4.0)?,
        has_ipv4: reader.flag(key!(ruby, "has_sip_ipv4"), true),
        has_ipv6: reader.flag(key!(ruby, "has_sip_ipv6"), true),
        has_udp: reader.flag(key!(ruby, "has_sip_udp"), true),
        has_tcp: reader.flag(key!(ruby, "has_sip_tcp"), true),
        has_tls: reader.flag(key!(ruby, "has_sip_tls"), false),
        blacklist,
        dns_cache,
    };
    profile.settle();
    Ok(Arc::new(profile))
}

struct Reader<'a> {
    ruby: &'a Ruby,
    hash: RHash,
}

impl Reader<'_> {
    fn flag(&self, key: StaticSymbol, default: bool) -> bool {
        self.hash.get(key).filter(|value| !value.is_nil()).map_or(default, |value| value.to_bool())
    }

    /// "callback", true or false.
    fn verify_server(&self, key: StaticSymbol) -> Result<VerifyServer, Error> {
        let value = self.hash.get(key).unwrap_or_else(|| self.ruby.qnil().as_value());
        match word(value)?.as_deref() {
            Some("callback") => Ok(VerifyServer::Callback),
            Some(_) => Err(self.wrong(key, value, "yes, no or \"callback\"")),
            None if value.is_nil() => Ok(VerifyServer::Callback),
            None if value.to_bool() => Ok(VerifyServer::Library),
            None => Ok(VerifyServer::Nobody),
        }
    }

    fn seconds(&self, key: StaticSymbol, default: f64) -> Result<Duration, Error> {
        let Some(value) = self.hash.get(key).filter(|value| !value.is_nil()) else {
            return Ok(Duration::from_secs_f64(default));
        };
        let seconds = f64::try_convert(value).ok().and_then(text::duration);
        seconds.ok_or_else(|| self.wrong(key, value, "a number of seconds from 0 to 1000000000"))
    }

    /// A number of seconds, or nil.
    fn optional_seconds(&self, key: StaticSymbol) -> Result<Option<Duration>, Error> {
        match self.hash.get(key).filter(|value| !value.is_nil()) {
            None => Ok(None),
            Some(_) => self.seconds(key, 0.0).map(Some),
        }
    }

    /// 1 or more.
    fn count(&self, key: StaticSymbol, default: usize) -> Result<usize, Error> {
        let Some(value) = self.hash.get(key).filter(|value| !value.is_nil()) else { return Ok(default) };
        let count = usize::try_convert(value).ok().filter(|count| *count > 0);
        count.ok_or_else(|| self.wrong(key, value, "a number of 1 or more"))
    }

    /// A number of bytes; 0 means no limit.
    fn size(&self, key: StaticSymbol, default: usize) -> Result<Option<usize>, Error> {
        let size = match self.hash.get(key).filter(|value| !value.is_nil()) {
            None => default,
            Some(value) => {
                usize::try_convert(value).map_err(|_| self.wrong(key, value, "a number of bytes"))?
            }
        };
        Ok(Some(size).filter(|size| *size > 0))
    }

    fn text(&self, key: StaticSymbol) -> Result<String, Error> {
        match self.hash.get(key) {
            Some(value) => Ok(String::from_utf8_lossy(&text::text_of(value)?).into_owned()),
            None => Ok(String::new()),
        }
    }

    fn list<T>(&self, key: StaticSymbol, item: fn(&str) -> Option<T>) -> Result<Vec<T>, Error> {
        let value = self.hash.get(key).unwrap_or_else(|| self.ruby.qnil().as_value());
        let Some(list) = RArray::from_value(value) else { return Err(self.wrong(key, value, "a list")) };
        let mut items = Vec::with_capacity(list.len());
        for index in 0..list.len() {
            let entry: Value = list.entry(index as isize)?;
            match word(entry)?.as_deref().and_then(item) {
                Some(known) => items.push(known),
                None => return Err(self.wrong(key, entry, "a known name")),
            }
        }
        Ok(items)
    }

    fn wrong(&self, key: StaticSymbol, value: Value, rule: &str) -> Error {
        let key = key.name().unwrap_or_default().to_owned();
        let message = format!("proxy profile parameter {key}: {} is not {rule}", value.inspect());
        text::runtime_error(self.ruby, message)
    }
}

fn word(value: Value) -> Result<Option<String>, Error> {
    if let Some(symbol) = Symbol::from_value(value) {
        return Ok(Some(symbol.name()?.into_owned()));
    }
    RString::from_value(value).map(|string| string.to_string()).transpose()
}

/// A transport by its name.
pub fn transport(name: &str) -> Option<Transport> {
    [Transport::Udp, Transport::Tcp, Transport::Tls].into_iter().find(|transport| transport.as_str() == name)
}

fn family(name: &str) -> Option<IpFamily> {
    [IpFamily::V4, IpFamily::V6].into_iter().find(|family| family.as_str() == name)
}
