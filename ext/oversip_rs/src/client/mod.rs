//! `OverSIP::SIP::Client`: lists of blocks, and the rounds in which they run.

mod lists;
mod rounds;
mod target;

use std::cell::{Cell, OnceCell, RefCell};
use std::sync::Arc;

use magnus::{
    gc::Marker,
    method,
    prelude::*,
    scan_args::scan_args,
    typed_data::{DataType, DataTypeBuilder, DataTypeFunctions, Obj},
    value::Lazy,
    Error, RClass, RHash, RModule, Ruby, Symbol, TypedData, Value,
};
use oversip::client::Target;
use oversip::engine::ClientShared;

use crate::{runtime, slot::Slot, text};
use lists::{clear, clear_callbacks, on};
use target::{add_target_to_blacklist, current_target};

pub use rounds::{launch, resume};

/// The state of a `Client`.
#[derive(Default)]
pub struct ClientObject {
    shared: OnceCell<Arc<ClientShared>>,
    lists: [Slot; 7],
    profile: Slot,
    request: Slot,
    target: Slot,
    /// What a `Uac` answers challenges with.
    credentials: Slot,
    /// The target whose Struct is in `target`.
    shown_target: RefCell<Option<Target>>,
    /// For each event of this Client that is being run, innermost last: whether `drop_response` was called in it.
    events: RefCell<Vec<bool>>,
    ready: Cell<bool>,
}

impl DataTypeFunctions for ClientObject {
    fn mark(&self, marker: &Marker) {
        for slot in self.lists.iter().chain([&self.profile, &self.request, &self.target, &self.credentials]) {
            slot.mark(marker);
        }
    }
}

// SAFETY: instances are made by the allocator only; every slot is marked, freed without calling Ruby, and written through
// `Slot::set`, which carries the write barrier.
unsafe impl TypedData for ClientObject {
    fn class(ruby: &Ruby) -> RClass {
        static CLASS: Lazy<RClass> = Lazy::new(|ruby| crate::uri::sip_class(ruby, "Client"));
        ruby.get_inner(&CLASS)
    }

    fn data_type() -> &'static DataType {
        static DATA_TYPE: DataType = DataTypeBuilder::<ClientObject>::new(c"OverSIP::SIP::Client")
            .mark()
            .free_immediately()
            .wb_protected()
            .build();
        &DATA_TYPE
    }
}

/// A `Client` as a method gets it.
pub type This = Obj<ClientObject>;

impl ClientObject {
    /// What the engine sees of this Client.
    pub fn shared(&self) -> &Arc<ClientShared> {
        self.shared.get_or_init(|| Arc::new(ClientShared::new()))
    }

    /// Raises unless `initialize` ran: a subclass may have forgotten `super`.
    pub fn profile_hash(&self, ruby: &Ruby) -> Result<RHash, Error> {
        let hash = self.profile.get(ruby).and_then(RHash::from_value).filter(|_| self.ready.get());
        hash.ok_or_else(|| {
            text::runtime_error(ruby, "the Client has no proxy profile: its initialize must call super")
        })
    }

    /// Remembers what `request` answers.
    pub fn set_request(this: This, request: Value) {
        this.request.set(this, request);
    }

    /// What `credentials` answers, nil when nothing was set.
    pub fn credentials(&self, ruby: &Ruby) -> Value {
        self.credentials.get_or_nil(ruby)
    }

    /// Remembers what challenges are answered with.
    pub fn set_credentials(this: This, credentials: Value) {
        this.credentials.set(this, credentials);
    }

    /// `drop_response`: for the event that is being run, else for the next response.
    pub fn drop_response(&self) {
        match self.events.borrow_mut().last_mut() {
            Some(dropped) => *dropped = true,
            None => self.shared().drop_next_response(),
        }
    }
}

fn initialize(ruby: &Ruby, this: This, args: &[Value]) -> Result<(), Error> {
    let args = scan_args::<(), (Option<Value>,), (), (), (), ()>(args)?;
    prepare(ruby, this, args.optional.0)
}

/// What `initialize` does: finds the profile.
pub fn prepare(ruby: &Ruby, this: This, profile: Option<Value>) -> Result<(), Error> {
    let name: Symbol = match profile {
        None => ruby.to_symbol("default_proxy"),
        Some(name) if name.respond_to("to_sym", false)? => name.funcall("to_sym", ())?,
        Some(name) => {
            let message = format!("proxy profile must be a Symbol or String, not {}", name.inspect());
            return Err(Error::new(ruby.exception_type_error(), message));
        }
    };
    let proxies: Value = text::oversip_module(ruby)?.funcall("proxies", ())?;
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

fn abort_routing(this: This) -> bool {
    match runtime::current() {
        Some(engine) => engine.abort_routing(this.shared()),
        None => this.shared().abort_routing(),
    }
    true
}

fn request(ruby: &Ruby, this: This) -> Value {
    this.request.get_or_nil(ruby)
}

fn inspect(ruby: &Ruby, this: This) -> Result<String, Error> {
    let class: Value = this.funcall("class", ())?;
    let profile = this.profile.get(ruby).and_then(RHash::from_value);
    let name = profile.and_then(|profile| profile.get(ruby.to_symbol("name")));
    Ok(format!("#<{class} profile={}>", name.map_or_else(|| "none".to_owned(), |name| name.to_string())))
}

/// Defines `Client`.
pub fn define(ruby: &Ruby, sip: RModule) -> Result<RClass, Error> {
    let class = sip.define_class("Client", ruby.class_object())?;
    class.define_alloc_func::<ClientObject>();
    let logger: RModule = text::oversip_module(ruby)?.const_get("Logger")?;
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
