//! The Rust half of a `Client`.

use std::cell::{Cell, OnceCell, RefCell};
use std::sync::Arc;

use magnus::{
    gc::Marker,
    typed_data::{DataType, DataTypeBuilder, DataTypeFunctions, Obj},
    value::Lazy,
    Error, RClass, RHash, Ruby, TypedData, Value,
};
use oversip::client::Target;
use oversip::host::Client;

use super::present::PresentEvents;
use crate::{classes::sip_class, slot::Slot, text};

/// The state of a `Client`.
#[derive(Default)]
pub struct ClientObject {
    shared: OnceCell<Arc<Client>>,
    /// The blocks of each event: nothing, a Proc, or an Array of several.
    pub(super) lists: [Slot; 7],
    pub(super) profile: Slot,
    pub(super) request: Slot,
    pub(super) target: Slot,
    /// What a `Uac` answers challenges with.
    credentials: Slot,
    /// The target whose Struct is in `target`.
    pub(super) shown_target: RefCell<Option<Target>>,
    /// Its events whose blocks run.
    pub(super) present: PresentEvents,
    pub(super) ready: Cell<bool>,
}

impl DataTypeFunctions for ClientObject {
    fn mark(&self, marker: &Marker) {
        for slot in self.lists.iter().chain([&self.profile, &self.request, &self.target, &self.credentials]) {
            slot.mark(marker);
        }
        self.present.mark(marker);
    }
}

// SAFETY: instances are made by the allocator only; every slot is marked, freed without calling Ruby, and written through
// `Slot::set`, which carries the write barrier.
unsafe impl TypedData for ClientObject {
    fn class(ruby: &Ruby) -> RClass {
        static CLASS: Lazy<RClass> = Lazy::new(|ruby| sip_class(ruby, "Client"));
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
pub type RubyClient = Obj<ClientObject>;

impl ClientObject {
    /// What the engine sees of this Client.
    pub fn shared(&self) -> &Arc<Client> {
        self.shared.get_or_init(Arc::default)
    }

    /// Raises unless `initialize` ran: a subclass may have forgotten `super`.
    pub fn profile_hash(&self, ruby: &Ruby) -> Result<RHash, Error> {
        let hash = self.profile.get(ruby).and_then(RHash::from_value).filter(|_| self.ready.get());
        hash.ok_or_else(|| {
            text::runtime_error(ruby, "the Client has no proxy profile: its initialize must call super")
        })
    }

    /// Remembers what `request` answers.
    pub fn set_request(this: RubyClient, request: Value) {
        this.request.set(this, request);
    }

    /// What `credentials` answers, nil when nothing was set.
    pub fn credentials(&self, ruby: &Ruby) -> Value {
        self.credentials.get_or_nil(ruby)
    }

    /// Remembers what challenges are answered with.
    pub fn set_credentials(this: RubyClient, credentials: Value) {
        this.credentials.set(this, credentials);
    }
}
