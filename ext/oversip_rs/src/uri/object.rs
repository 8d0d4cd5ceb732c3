//! The Rust half of a `Uri` or `NameAddr`.

use std::cell::{Cell, OnceCell, RefCell};

use bytes::Bytes;
use magnus::{
    gc::Marker,
    typed_data::{DataType, DataTypeBuilder, DataTypeFunctions, Obj},
    value::Lazy,
    RClass, Ruby, TypedData,
};
use oversip::message::UriRef;

use crate::{classes::sip_class, slot::Slot};

/// The state of a `Uri` or `NameAddr`.
///
/// A parsed one keeps the received text. A part becomes a Ruby object when it is read or set, and that object stays
/// the answer. The text is rebuilt from the parts only after a mutator ran.
#[derive(Default)]
pub struct UriObject {
    /// The URI as received, without brackets; absent for one made by `new` or `allocate`.
    pub(super) source: OnceCell<Bytes>,
    /// The text that replaced `source` after an edit.
    pub(super) rebuilt: RefCell<Option<Bytes>>,
    /// A mutator ran since `rebuilt` was made.
    pub(super) stale: Cell<bool>,
    /// What `modified?` answers; nothing when the URI was only parsed.
    pub(super) modified: Cell<Option<bool>>,
    pub(super) scheme: Slot,
    pub(super) user: Slot,
    pub(super) host: Slot,
    pub(super) host_type: Slot,
    pub(super) port: Slot,
    pub(super) params: Slot,
    pub(super) phone_context: Slot,
    pub(super) headers: Slot,
    /// Of a `NameAddr`: the inner text of the display name.
    pub(crate) display_name: Slot,
    pub(crate) display_modified: Cell<Option<bool>>,
}

impl DataTypeFunctions for UriObject {
    fn mark(&self, marker: &Marker) {
        for slot in self.slots() {
            slot.mark(marker);
        }
    }

    fn size(&self) -> usize {
        let texts = self.source.get().map_or(0, Bytes::len);
        size_of::<Self>() + texts
    }
}

// SAFETY: the class is `OverSIP::SIP::Uri`, whose instances (and those of its subclasses) are only ever made by its
// allocator or by `wrap`; the data type marks every slot, frees without calling Ruby, and every write of a value goes
// through `Slot::set`, which carries the write barrier.
unsafe impl TypedData for UriObject {
    fn class(ruby: &Ruby) -> RClass {
        static CLASS: Lazy<RClass> = Lazy::new(|ruby| sip_class(ruby, "Uri"));
        ruby.get_inner(&CLASS)
    }

    fn data_type() -> &'static DataType {
        static DATA_TYPE: DataType = DataTypeBuilder::<UriObject>::new(c"OverSIP::SIP::Uri")
            .mark()
            .size()
            .free_immediately()
            .wb_protected()
            .build();
        &DATA_TYPE
    }
}

/// A `Uri` or `NameAddr` as a method gets it.
pub type RubyUri = Obj<UriObject>;

impl UriObject {
    pub(super) fn slots(&self) -> [&Slot; 9] {
        [
            &self.scheme,
            &self.user,
            &self.host,
            &self.host_type,
            &self.port,
            &self.params,
            &self.phone_context,
            &self.headers,
            &self.display_name,
        ]
    }

    /// An object of `class` for a URI text that is known to parse.
    pub fn wrap(ruby: &Ruby, class: RClass, text: Bytes) -> RubyUri {
        let object = UriObject::default();
        let _ = object.source.set(text);
        ruby.obj_wrap_as(object, class)
    }

    /// A `Uri` for a URI text that is known to parse.
    pub fn new_uri(ruby: &Ruby, text: Bytes) -> RubyUri {
        Self::wrap(ruby, UriObject::class(ruby), text)
    }

    /// The received text, taken apart.
    pub(super) fn parsed(&self) -> Option<UriRef<'_>> {
        self.source.get().and_then(|text| UriRef::parse(text))
    }

    /// The URI text is no longer the one that is known.
    pub(super) fn touch(&self) {
        self.stale.set(true);
        self.modified.set(Some(true));
    }

    /// Whether the URI itself was edited and not sent since.
    pub fn uri_modified(&self) -> Option<bool> {
        self.modified.get()
    }

    /// A message with this URI took the edit over: `Request#to_s` or a snapshot into the live Hash.
    pub fn edit_was_taken_over(&self) {
        for flag in [&self.modified, &self.display_modified] {
            if flag.get() == Some(true) {
                flag.set(Some(false));
            }
        }
    }
}
