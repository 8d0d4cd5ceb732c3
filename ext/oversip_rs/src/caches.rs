//! `OverSIP::SIP::Blacklist` and `OverSIP::SIP::DnsCache`: live views of a profile's stores, with the methods of a Hash
//! that scripts use to print and clear them.

use std::sync::Arc;
use std::time::Instant;

use magnus::{method, prelude::*, typed_data::Obj, Error, RArray, RHash, RModule, Ruby, Value};
use oversip::client::{Blacklist, Failure};
use oversip::clock::Clock;
use oversip::engine::SystemClock;
use oversip::host::{Store, Stored};
use oversip::resolve::{DnsCache, Resolution};

use crate::{runtime, text};

/// Reads or changes a store as it is now.
fn at_present<T: Stored, R>(store: &Store<T>, run: impl FnOnce(&mut T, Instant) -> R) -> R {
    store.with(runtime::current_host().as_ref(), SystemClock.now(), run)
}

/// Wraps a profile's blacklist.
#[derive(Default)]
#[magnus::wrap(class = "OverSIP::SIP::Blacklist", free_immediately)]
pub struct BlacklistObject(Arc<Store<Blacklist>>);

/// Wraps a profile's DNS cache.
#[derive(Default)]
#[magnus::wrap(class = "OverSIP::SIP::DnsCache", free_immediately)]
pub struct DnsCacheObject(Arc<Store<DnsCache>>);

impl BlacklistObject {
    /// The store itself.
    pub fn store(&self) -> Arc<Store<Blacklist>> {
        self.0.clone()
    }
}

impl DnsCacheObject {
    /// The store itself.
    pub fn store(&self) -> Arc<Store<DnsCache>> {
        self.0.clone()
    }
}

/// `[status, reason, nil, code]`, the shape of an entry in the original.
fn failure(ruby: &Ruby, failure: &Failure) -> Result<Value, Error> {
    let entry = ruby.ary_new_capa(4);
    entry.push(failure.status)?;
    entry.push(text::utf8(ruby, failure.reason.as_bytes()))?;
    entry.push(ruby.qnil())?;
    entry.push(ruby.to_symbol(failure.code))?;
    Ok(entry.as_value())
}

/// The targets as text, or the error code as a Symbol.
fn resolution(ruby: &Ruby, resolution: &Arc<Resolution>) -> Result<Value, Error> {
    match resolution.stored_targets() {
        Err(error) => Ok(ruby.to_symbol(error.code()).as_value()),
        Ok(targets) => {
            let list = ruby.ary_new_capa(targets.len());
            for target in targets {
                list.push(text::utf8(ruby, target.to_string().as_bytes()))?;
            }
            Ok(list.as_value())
        }
    }
}

/// The Hash methods of one store.
macro_rules! hash_view {
    ($view:ident, $object:ty, $shape:path) => {
        mod $view {
            use super::*;

            type View = Obj<$object>;

            fn key_of(key: Value) -> Result<String, Error> {
                Ok(String::from_utf8_lossy(&text::text_of(key)?).into_owned())
            }

            fn get(ruby: &Ruby, this: View, key: Value) -> Result<Value, Error> {
                let key = key_of(key)?;
                match at_present(&this.0, |store, now| store.get(now, &key)) {
                    Some(entry) => $shape(ruby, &entry),
                    None => Ok(ruby.qnil().as_value()),
                }
            }

            fn delete(ruby: &Ruby, this: View, key: Value) -> Result<Value, Error> {
                let key = key_of(key)?;
                match at_present(&this.0, |store, now| store.delete(now, &key)) {
                    Some(entry) => $shape(ruby, &entry),
                    None => Ok(ruby.qnil().as_value()),
                }
            }

            fn clear(this: View) -> View {
                at_present(&this.0, |store, _| store.clear());
                this
            }

            fn is_any(this: View) -> bool {
                at_present(&this.0, |store, now| store.any(now))
            }

            fn is_empty(this: View) -> bool {
                !at_present(&this.0, |store, now| store.any(now))
            }

            fn size(this: View) -> usize {
                at_present(&this.0, |store, now| store.len(now))
            }

            fn keys(ruby: &Ruby, this: View) -> Result<RArray, Error> {
                let keys = ruby.ary_new();
                for key in at_present(&this.0, |store, now| store.keys(now)) {
                    keys.push(text::utf8(ruby, key.as_bytes()))?;
                }
                Ok(keys)
            }

            fn to_h(ruby: &Ruby, this: View) -> Result<RHash, Error> {
                let hash = ruby.hash_new();
                for (key, entry) in at_present(&this.0, |store, now| store.snapshot(now)) {
                    hash.aset(text::utf8(ruby, key.as_bytes()), $shape(ruby, &entry)?)?;
                }
                Ok(hash)
            }

            fn each(ruby: &Ruby, this: View) -> Result<Value, Error> {
                let hash = to_h(ruby, this)?;
                if !ruby.block_given() {
                    return hash.funcall("each", ());
                }
                let _: Value = hash.funcall_with_block("each", (), ruby.block_proc()?)?;
                Ok(this.as_value())
            }

            fn inspect(ruby: &Ruby, this: View) -> Result<String, Error> {
                Ok(to_h(ruby, this)?.inspect())
            }

            pub fn define(ruby: &Ruby, sip: RModule, name: &str) -> Result<(), Error> {
                let class = sip.define_class(name, ruby.class_object())?;
                class.define_alloc_func::<$object>();
                class.define_method("[]", method!(get, 1))?;
                class.define_method("delete", method!(delete, 1))?;
                class.define_method("clear", method!(clear, 0))?;
                class.define_method("empty?", method!(is_empty, 0))?;
                class.define_method("size", method!(size, 0))?;
                class.define_method("length", method!(size, 0))?;
                class.define_method("keys", method!(keys, 0))?;
                class.define_method("to_h", method!(to_h, 0))?;
                class.define_method("each", method!(each, 0))?;
                class.define_method("each_pair", method!(each, 0))?;
                class.define_method("inspect", method!(inspect, 0))?;
                class.define_method("to_s", method!(inspect, 0))?;
                class.include_module(ruby.module_enumerable())?;
                // In place of Enumerable's own, which would go through every entry.
                class.define_method("any?", method!(is_any, 0))
            }
        }
    };
}

hash_view!(blacklist, BlacklistObject, failure);
hash_view!(dns_cache, DnsCacheObject, resolution);

/// Defines both classes.
pub fn define(ruby: &Ruby, sip: RModule) -> Result<(), Error> {
    blacklist::define(ruby, sip, "Blacklist")?;
    dns_cache::define(ruby, sip, "DnsCache")
}
