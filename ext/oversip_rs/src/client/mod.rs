//! `OverSIP::SIP::Client`: lists of blocks, and the callbacks in which they run.

mod callbacks;
mod lists;
mod object;
mod present;
mod target;

use magnus::{
    method, prelude::*, rb_sys::AsRawValue, scan_args::scan_args, Error, RClass, RHash, RModule, Ruby,
    Symbol, Value,
};
use oversip::host::Clients;

use crate::{classes::oversip_module, runtime, text};
use lists::{clear, clear_callbacks, on};
use target::{add_target_to_blacklist, current_target};

pub use self::{
    callbacks::{launch, own_origin, run},
    object::{ClientObject, RubyClient},
};

fn initialize(ruby: &Ruby, this: RubyClient, args: &[Value]) -> Result<(), Error> {
    let args = scan_args::<(), (Option<Value>,), (), (), (), ()>(args)?;
    prepare(ruby, this, args.optional.0)
}

/// What `initialize` does: finds the profile.
pub fn prepare(ruby: &Ruby, this: RubyClient, profile: Option<Value>) -> Result<(), Error> {
    let name: Symbol = match profile {
        None => ruby.sym_new("default_proxy").into(),
        Some(name) if name.respond_to("to_sym", false)? => name.funcall("to_sym", ())?,
        Some(name) => {
            let message = format!("proxy profile must be a Symbol or String, not {}", name.inspect());
            return Err(Error::new(ruby.exception_type_error(), message));
        }
    };
    let proxies: Value = oversip_module(ruby)?.funcall("proxies", ())?;
    let proxies = RHash::from_value(proxies);
    let Some(profile) = proxies.and_then(|proxies| proxies.get(name)).and_then(RHash::from_value) else {
        let reason = if proxies.is_some() {
            ""
        } else {
            ": there is none before OverSIP has read its configuration, call OverSIP.start first"
        };
        return Err(text::runtime_error(
            ruby,
            format!("proxy profile '{}' is not defined{reason}", name.name()?),
        ));
    };
    this.profile.set(this, profile);
    this.ready.set(true);
    Ok(())
}

/// `abort_routing`: in a block for the request of its event, else for the routing at hand or the next one.
fn abort_routing(ruby: &Ruby, this: RubyClient) -> bool {
    match this.present.with(ruby, |event| event.origin.clone()) {
        None => this.shared().abort_routing(),
        Some(origin) => {
            if !this.shared().abort_routing_of(&origin) {
                this.present.with(ruby, |event| event.aborts_next = true);
            }
        }
    }
    true
}

/// A `route` begins: what a block has said of the next one for its request holds for it.
pub fn heed_abort(ruby: &Ruby, this: RubyClient, request: Value) {
    let aborts = this.present.with(ruby, |event| {
        let same = ruby.get_inner(event.request).as_raw() == request.as_raw();
        same && std::mem::take(&mut event.aborts_next)
    });
    if aborts == Some(true) {
        this.shared().abort_routing();
    }
}

/// `drop_response`: for the event of the block that runs, else for the next response.
pub fn drop_response(ruby: &Ruby, this: RubyClient) {
    if this.present.with(ruby, |event| event.dropped = true).is_none() {
        this.shared().drop_next_response();
    }
}

/// Whether the caller is in a block of this Client.
pub fn is_in_block(ruby: &Ruby, this: RubyClient) -> bool {
    this.present.with(ruby, |_| ()).is_some()
}

/// `cancel`: in a block for the request of its event, else for all that is pending (RFC 3261 9.1).
pub fn cancel(ruby: &Ruby, this: RubyClient) -> Result<(), Error> {
    let of = this.present.with(ruby, |event| event.origin.clone());
    Clients(&runtime::host(ruby)?).cancel(this.shared(), of.as_ref());
    Ok(())
}

/// `request`: in a block that of its event, else the last one that `route` was given.
fn request(ruby: &Ruby, this: RubyClient) -> Value {
    let own = this.present.with(ruby, |event| ruby.get_inner(event.request));
    own.unwrap_or_else(|| this.request.get_or_nil(ruby))
}

fn inspect(ruby: &Ruby, this: RubyClient) -> Result<String, Error> {
    let class: Value = this.funcall("class", ())?;
    let profile = this.profile.get(ruby).and_then(RHash::from_value);
    let name = profile.and_then(|profile| profile.get(ruby.to_symbol("name")));
    Ok(format!("#<{class} profile={}>", name.map_or_else(|| "none".to_owned(), |name| name.to_string())))
}

/// Defines `Client`.
pub fn define(ruby: &Ruby, sip: RModule) -> Result<RClass, Error> {
    let class = sip.define_class("Client", ruby.class_object())?;
    class.define_alloc_func::<ClientObject>();
    let logger: RModule = oversip_module(ruby)?.const_get("Logger")?;
    class.include_module(logger)?;
    class.define_method("initialize", method!(initialize, -1))?;
    class.define_method("on_provisional_response", method!(on::<0>, 0))?;
    class.define_method("on_success_response", method!(on::<1>, 0))?;
    class.define_method("on_failure_response", method!(on::<2>, 0))?;
    class.define_method("on_canceled", method!(on::<3>, 0))?;
    class.define_method("on_invite_timeout", method!(on::<4>, 0))?;
    class.define_method("on_error", method!(on::<5>, 0))?;
    class.define_method("on_target", method!(on::<6>, 0))?;
    class.define_method("clear_on_provisional_response", method!(clear::<0>, 0))?;
    class.define_method("clear_on_success_response", method!(clear::<1>, 0))?;
    class.define_method("clear_on_failure_response", method!(clear::<2>, 0))?;
    class.define_method("clear_on_canceled", method!(clear::<3>, 0))?;
    class.define_method("clear_on_invite_timeout", method!(clear::<4>, 0))?;
    class.define_method("clear_on_error", method!(clear::<5>, 0))?;
    class.define_method("clear_on_target", method!(clear::<6>, 0))?;
    class.define_method("clear_callbacks", method!(clear_callbacks, 0))?;
    class.define_method("abort_routing", method!(abort_routing, 0))?;
    class.define_method("add_target_to_blacklist", method!(add_target_to_blacklist, -1))?;
    class.define_method("request", method!(request, 0))?;
    class.define_method("current_target", method!(current_target, 0))?;
    class.define_method("inspect", method!(inspect, 0))?;
    Ok(class)
}
