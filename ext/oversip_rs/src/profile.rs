//! A proxy profile, read from its Ruby Hash each time `route` is called.

use std::time::Duration;

use magnus::{
    prelude::*,
    typed_data::Obj,
    value::{Lazy, StaticSymbol},
    Error, RArray, RHash, RString, Ruby, Symbol, TryConvert, Value,
};
use oversip::client::{BlacklistId, Profile, VerifyServer};
use oversip::host::StoredProfile;
use oversip::message::Transport;
use oversip::resolve::{DnsCacheId, IpFamily, Policy};

use crate::caches::{BlacklistObject, DnsCacheObject};
use crate::text;

/// A key of the Hash, made once.
macro_rules! key {
    ($ruby:expr, $name:literal) => {{
        static KEY: Lazy<StaticSymbol> = Lazy::new(|ruby| ruby.sym_new($name));
        $ruby.get_inner(&KEY)
    }};
}

/// Reads a profile. A parameter that is absent, and a value of the wrong kind, raise `OverSIP::RuntimeError`: the configuration
/// has all of them and was checked, so only a script can have changed that.
pub fn read(ruby: &Ruby, hash: RHash) -> Result<StoredProfile, Error> {
    let reader = Reader { ruby, hash };
    let blacklist: Obj<BlacklistObject> = reader.store(key!(ruby, "blacklist"))?;
    let dns_cache: Obj<DnsCacheObject> = reader.store(key!(ruby, "dns_cache"))?;
    let (blacklist, dns_cache) = (blacklist.store(), dns_cache.store());
    let mut profile = Profile {
        name: reader.text(key!(ruby, "name"))?,
        do_record_routing: reader.flag(key!(ruby, "do_record_routing"))?,
        record_route_all: reader.flag(key!(ruby, "record_route_all"))?,
        path_always: reader.flag(key!(ruby, "path_always"))?,
        blacklist: BlacklistId(blacklist.number()),
        dns_cache: DnsCacheId(dns_cache.number()),
        resolve: Policy {
            use_dns: reader.flag(key!(ruby, "use_dns"))?,
            use_dns_cache: reader.flag(key!(ruby, "use_dns_cache"))?,
            dns_cache_time: reader.seconds(key!(ruby, "dns_cache_time"))?,
            dns_cache_respect_ttl: reader.flag(key!(ruby, "dns_cache_respect_ttl"))?,
            use_naptr: reader.flag(key!(ruby, "use_naptr"))?,
            use_srv: reader.flag(key!(ruby, "use_srv"))?,
            transport_preference: reader.list(key!(ruby, "transport_preference"), transport)?,
            force_transport_preference: reader.flag(key!(ruby, "force_transport_preference"))?,
            ip_type_preference: reader.list(key!(ruby, "ip_type_preference"), family)?,
            has_ipv4: reader.flag(key!(ruby, "has_sip_ipv4"))?,
            has_ipv6: reader.flag(key!(ruby, "has_sip_ipv6"))?,
            has_udp: reader.flag(key!(ruby, "has_sip_udp"))?,
            has_tcp: reader.flag(key!(ruby, "has_sip_tcp"))?,
            has_tls: reader.flag(key!(ruby, "has_sip_tls"))?,
        },
        use_blacklist: reader.flag(key!(ruby, "use_blacklist"))?,
        blacklist_time: reader.seconds(key!(ruby, "blacklist_time"))?,
        dns_failover_on_503: reader.flag(key!(ruby, "dns_failover_on_503"))?,
        timer_b: reader.seconds(key!(ruby, "timer_B"))?,
        timer_c: reader.seconds(key!(ruby, "timer_C"))?,
        timer_c_restart: reader.flag(key!(ruby, "timer_C_restart"))?,
        timer_f: reader.seconds(key!(ruby, "timer_F"))?,
        routing_time: reader.optional_seconds(key!(ruby, "routing_time"))?,
        max_targets: reader.count(key!(ruby, "max_targets"))?,
        udp_mtu: reader.size(key!(ruby, "udp_mtu"))?,
        callback_on_server_tls_handshake: reader.flag(key!(ruby, "callback_on_server_tls_handshake"))?,
        verify_server: reader.verify_server(key!(ruby, "verify_server"))?,
        connect_timeout: reader.seconds(key!(ruby, "connect_timeout"))?,
        tls_handshake_timeout: reader.seconds(key!(ruby, "tls_handshake_timeout"))?,
    };
    profile.settle();
    Ok(StoredProfile::with(profile, blacklist, dns_cache))
}

struct Reader<'a> {
    ruby: &'a Ruby,
    hash: RHash,
}

impl Reader<'_> {
    /// A value; nil is none.
    fn given(&self, key: StaticSymbol) -> Result<Value, Error> {
        let given = self.hash.get(key).filter(|value: &Value| !value.is_nil());
        given.ok_or_else(|| {
            let key = key.name().unwrap_or_default();
            let message = format!(
                "proxy profile parameter {key} is missing: make profiles of others, as \
                 OverSIP.proxies[:default_proxy].merge(timer_F: 10)"
            );
            text::runtime_error(self.ruby, message)
        })
    }

    fn store<T: TryConvert>(&self, key: StaticSymbol) -> Result<T, Error> {
        let value = self.given(key)?;
        T::try_convert(value).map_err(|_| self.wrong(key, value, "one of OverSIP's own"))
    }

    fn flag(&self, key: StaticSymbol) -> Result<bool, Error> {
        Ok(self.given(key)?.to_bool())
    }

    /// "callback", true or false.
    fn verify_server(&self, key: StaticSymbol) -> Result<VerifyServer, Error> {
        let value = self.given(key)?;
        match word(value)?.as_deref() {
            Some("callback") => Ok(VerifyServer::Callback),
            Some(_) => Err(self.wrong(key, value, "yes, no or \"callback\"")),
            None if value.to_bool() => Ok(VerifyServer::Library),
            None => Ok(VerifyServer::Nobody),
        }
    }

    fn seconds(&self, key: StaticSymbol) -> Result<Duration, Error> {
        let value = self.given(key)?;
        let seconds = f64::try_convert(value).ok().and_then(text::duration);
        seconds.ok_or_else(|| self.wrong(key, value, "a number of seconds from 0 to 1000000000"))
    }

    /// A number of seconds, or nil.
    fn optional_seconds(&self, key: StaticSymbol) -> Result<Option<Duration>, Error> {
        match self.hash.get(key).filter(|value: &Value| !value.is_nil()) {
            None => Ok(None),
            Some(_) => self.seconds(key).map(Some),
        }
    }

    /// 1 or more.
    fn count(&self, key: StaticSymbol) -> Result<usize, Error> {
        let value = self.given(key)?;
        let count = usize::try_convert(value).ok().filter(|count| *count > 0);
        count.ok_or_else(|| self.wrong(key, value, "a number of 1 or more"))
    }

    /// A number of bytes; 0 means no limit.
    fn size(&self, key: StaticSymbol) -> Result<Option<usize>, Error> {
        let value = self.given(key)?;
        let size = usize::try_convert(value).map_err(|_| self.wrong(key, value, "a number of bytes"))?;
        Ok(Some(size).filter(|size| *size > 0))
    }

    fn text(&self, key: StaticSymbol) -> Result<String, Error> {
        Ok(String::from_utf8_lossy(&text::text_of(self.given(key)?)?).into_owned())
    }

    fn list<T>(&self, key: StaticSymbol, item: fn(&str) -> Option<T>) -> Result<Vec<T>, Error> {
        let value = self.given(key)?;
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

/// A transport that requests can be routed by, by its name.
pub fn transport(name: &str) -> Option<Transport> {
    name.parse::<Transport>().ok().filter(|transport| !transport.websocket())
}

fn family(name: &str) -> Option<IpFamily> {
    [IpFamily::V4, IpFamily::V6].into_iter().find(|family| family.as_str() == name)
}
