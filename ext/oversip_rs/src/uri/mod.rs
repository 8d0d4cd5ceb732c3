//! `OverSIP::SIP::Uri`: a URI that is text until somebody asks for its parts.

mod edit;
mod params;
mod parts;
mod serialise;

use std::cell::{Cell, OnceCell, RefCell};

use bytes::Bytes;
use magnus::{
    gc::Marker,
    method,
    prelude::*,
    scan_args::scan_args,
    typed_data::{DataType, DataTypeBuilder, DataTypeFunctions, Obj},
    value::Lazy,
    Error, RClass, RModule, Ruby, TypedData, Value,
};
use oversip::message::UriRef;

use self::edit::host_type_of;
pub use self::serialise::{shown, uri_text};
use crate::{
    slot::Slot,
    text::{self, symbol},
};

/// The state of a `Uri` or `NameAddr`.
///
/// A parsed one keeps the received text. A part becomes a Ruby object when it is read or set, and that object stays
/// the answer. The text is rebuilt from the parts only after a mutator ran.
#[derive(Default)]
pub struct UriObject {
    /// The URI as received, without brackets; absent for one made by `new` or `allocate`.
    source: OnceCell<Bytes>,
    /// The text that replaced `source` after an edit.
    rebuilt: RefCell<Option<Bytes>>,
    /// A mutator ran since `rebuilt` was made.
    stale: Cell<bool>,
    /// What `modified?` answers; nothing when the URI was only parsed.
    modified: Cell<Option<bool>>,
    scheme: Slot,
    user: Slot,
    host: Slot,
    host_type: Slot,
    port: Slot,
    params: Slot,
    phone_context: Slot,
    headers: Slot,
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

/// A class below `OverSIP::SIP` that this library has defined.
///
/// # Panics
///
/// When the class is missing, which only a script that removes the constant can bring about before `define` ends.
pub(crate) fn sip_class(ruby: &Ruby, name: &str) -> RClass {
    let found = ruby
        .class_object()
        .const_get::<_, RModule>("OverSIP")
        .and_then(|module| module.const_get::<_, RModule>("SIP"))
        .and_then(|module| module.const_get::<_, RClass>(name));
    found.expect("the library's classes are defined when it is loaded")
}

type This = Obj<UriObject>;

impl UriObject {
    fn slots(&self) -> [&Slot; 9] {
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
    pub fn wrap(ruby: &Ruby, class: RClass, text: Bytes) -> This {
        let object = UriObject::default();
        let _ = object.source.set(text);
        ruby.obj_wrap_as(object, class)
    }

    /// A `Uri` for a URI text that is known to parse.
    pub fn new_uri(ruby: &Ruby, text: Bytes) -> This {
        Self::wrap(ruby, UriObject::class(ruby), text)
    }

    /// The received text, taken apart.
    fn parsed(&self) -> Option<UriRef<'_>> {
        self.source.get().and_then(|text| UriRef::parse(text))
    }

    /// The URI text is no longer the one that is known.
    fn touch(&self) {
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

fn modified(ruby: &Ruby, this: This) -> Value {
    ruby.into_value(this.uri_modified())
}

/// `Uri.parse(text)`.
fn parse(ruby: &Ruby, class: RClass, text: Value) -> Result<This, Error> {
    let bytes = text::parse_argument(ruby, text)?;
    if UriRef::parse(&bytes).is_none() {
        return Err(text::parsing_error(ruby, format!("invalid URI {}", text.inspect())));
    }
    Ok(UriObject::wrap(ruby, class, bytes))
}

/// `Uri.new(scheme = :sip, user = nil, host = nil, port = nil)`.
fn initialize(ruby: &Ruby, this: This, args: &[Value]) -> Result<(), Error> {
    let args =
        scan_args::<(), (Option<Value>, Option<Value>, Option<Value>, Option<Value>), (), (), (), ()>(args)?;
    let (scheme, user, host, port) = args.optional;
    fill(ruby, this, scheme, user, host, port)
}

/// What both constructors do with their URI parts: stored as given.
pub(crate) fn fill(
    ruby: &Ruby,
    this: This,
    scheme: Option<Value>,
    user: Option<Value>,
    host: Option<Value>,
    port: Option<Value>,
) -> Result<(), Error> {
    let scheme = match scheme {
        Some(scheme) => text::symbol_argument(ruby, scheme, "scheme must be a Symbol or a String")?,
        None => symbol(ruby, "sip"),
    };
    let host = host.filter(|host| host.to_bool());
    let host_type = host.map(|host| host_type_of(ruby, host)).transpose()?;
    this.scheme.set(this, scheme);
    for (slot, value) in
        [(&this.user, user), (&this.host, host), (&this.host_type, host_type), (&this.port, port)]
    {
        if let Some(value) = value {
            slot.set(this, value);
        }
    }
    this.touch();
    Ok(())
}

/// `dup` and `clone`: the parts are shared as a plain Ruby object would share its instance variables.
fn initialize_copy(ruby: &Ruby, this: This, original: This) -> This {
    if let Some(source) = original.source.get() {
        let _ = this.source.set(source.clone());
    }
    let rebuilt = original.rebuilt.borrow().clone();
    this.rebuilt.replace(rebuilt);
    this.stale.set(original.stale.get());
    this.modified.set(original.modified.get());
    this.display_modified.set(original.display_modified.get());
    for (slot, from) in this.slots().into_iter().zip(original.slots()) {
        if let Some(value) = from.get(ruby) {
            slot.set(this, value);
        }
    }
    this
}

/// Defines `OverSIP::SIP::Uri`.
pub fn define(ruby: &Ruby, sip: RModule) -> Result<(), Error> {
    let class = sip.define_class("Uri", ruby.class_object())?;
    class.define_alloc_func::<UriObject>();
    class.define_singleton_method("parse", method!(parse, 1))?;
    class.define_method("initialize", method!(initialize, -1))?;
    class.define_method("initialize_copy", method!(initialize_copy, 1))?;
    class.define_method("modified?", method!(modified, 0))?;
    parts::define(class)?;
    params::define(class)?;
    edit::define(class)?;
    serialise::define(class)?;
    Ok(())
}
