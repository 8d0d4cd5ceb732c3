//! `OverSIP::SIP::Uri`: a URI that is text until somebody asks for its parts.

use std::cell::{Cell, OnceCell, RefCell};

use bytes::Bytes;
use magnus::{
    gc::Marker,
    method,
    prelude::*,
    scan_args::scan_args,
    typed_data::{DataType, DataTypeBuilder, DataTypeFunctions, Obj},
    value::Lazy,
    Error, RClass, RHash, RModule, RString, Ruby, Symbol, TypedData, Value,
};
use oversip::message::{self as host, HostType, IpType, Scheme, UriRef};

use crate::{
    slot::Slot,
    text::{self, binary, neutralise, symbol, text_of, utf8, utf8_or_nil},
};

/// The state of a `Uri` or `NameAddr`.
///
/// A parsed one keeps the received text. A part becomes a Ruby object when it is read or set, and that object stays
/// the answer. The text is rebuilt from the parts only after a mutator ran (7.5 of the message contract).
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

/// The scheme: a Symbol for sip, sips and tel, else a String, or whatever a script set.
pub fn scheme(ruby: &Ruby, this: This) -> Value {
    if let Some(value) = this.scheme.get(ruby) {
        return value;
    }
    let value = match this.parsed().map(|uri| uri.scheme()) {
        Some(Scheme::Sip) => symbol(ruby, "sip"),
        Some(Scheme::Sips) => symbol(ruby, "sips"),
        Some(Scheme::Tel) => symbol(ruby, "tel"),
        Some(Scheme::Other(name)) => utf8(ruby, &name.to_ascii_lowercase()).as_value(),
        None => return ruby.qnil().as_value(),
    };
    this.scheme.set(this, value);
    value
}

/// What the mutators and the serialiser go by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sip,
    Tel,
    /// A Symbol that is neither: mutators work, but the text cannot be rebuilt.
    OtherSymbol,
    /// Not a Symbol: mutators do nothing.
    Unknown,
}

fn kind(ruby: &Ruby, this: This) -> Kind {
    let value = scheme(ruby, this);
    let Some(scheme) = Symbol::from_value(value) else { return Kind::Unknown };
    match scheme.name().as_deref() {
        Ok("sip" | "sips") => Kind::Sip,
        Ok("tel") => Kind::Tel,
        _ => Kind::OtherSymbol,
    }
}

/// Whether the URI is SIP or SIPS.
pub fn is_sip(ruby: &Ruby, this: This) -> bool {
    kind(ruby, this) == Kind::Sip
}

fn is_tel(ruby: &Ruby, this: This) -> bool {
    kind(ruby, this) == Kind::Tel
}

fn is_unknown_scheme(ruby: &Ruby, this: This) -> bool {
    kind(ruby, this) == Kind::Unknown
}

/// A part that is read from the received text once and then stays the same object.
fn part(ruby: &Ruby, this: This, slot: &Slot, read: impl FnOnce(UriRef<'_>) -> Value) -> Value {
    if let Some(value) = slot.get(ruby) {
        return value;
    }
    let Some(uri) = this.parsed() else { return ruby.qnil().as_value() };
    let value = read(uri);
    slot.set(this, value);
    value
}

fn user(ruby: &Ruby, this: This) -> Value {
    part(ruby, this, &this.user, |uri| match uri.scheme() {
        Scheme::Tel => utf8_or_nil(ruby, uri.number().as_deref()),
        _ => utf8_or_nil(ruby, uri.user_unescaped().as_deref()),
    })
}

fn host(ruby: &Ruby, this: This) -> Value {
    part(ruby, this, &this.host, |uri| match (uri.host_normalised(), uri.host_type()) {
        (Some(host), Some(HostType::Ipv6Reference)) => binary(ruby, host.as_bytes()).as_value(),
        (Some(host), _) => utf8(ruby, host.as_bytes()).as_value(),
        (None, _) => ruby.qnil().as_value(),
    })
}

fn host_type(ruby: &Ruby, this: This) -> Value {
    part(ruby, this, &this.host_type, |uri| match uri.host_type() {
        Some(HostType::Domain) => symbol(ruby, "domain"),
        Some(HostType::Ipv4) => symbol(ruby, "ipv4"),
        Some(HostType::Ipv6Reference) => symbol(ruby, "ipv6_reference"),
        None => ruby.qnil().as_value(),
    })
}

fn port(ruby: &Ruby, this: This) -> Value {
    part(ruby, this, &this.port, |uri| match uri.port() {
        Some(port) => ruby.integer_from_u64(port.into()).as_value(),
        None => ruby.qnil().as_value(),
    })
}

fn headers(ruby: &Ruby, this: This) -> Value {
    part(ruby, this, &this.headers, |uri| utf8_or_nil(ruby, uri.headers()))
}

/// The live Hash of parameters; made empty where there are none.
fn params(ruby: &Ruby, this: This) -> Result<RHash, Error> {
    if let Some(hash) = this.params.get(ruby).and_then(RHash::from_value) {
        return Ok(hash);
    }
    let hash = ruby.hash_new();
    if let Some(uri) = this.parsed() {
        for (key, value) in uri.params() {
            hash.aset(utf8(ruby, &key.to_ascii_lowercase()), utf8_or_nil(ruby, value))?;
        }
    }
    this.params.set(this, hash);
    Ok(hash)
}

/// Whether Ruby has seen the parameters, so that the Hash and not the text says what they are.
fn live_params(ruby: &Ruby, this: This) -> Option<RHash> {
    this.params.get(ruby).and_then(RHash::from_value)
}

/// A parameter: nothing when absent, nothing inside when it has no value.
fn param(ruby: &Ruby, this: This, name: &str) -> Result<Option<Option<Bytes>>, Error> {
    if let Some(hash) = live_params(ruby, this) {
        return match hash.get(utf8(ruby, name.as_bytes())) {
            None => Ok(None),
            Some(value) if value.is_nil() => Ok(Some(None)),
            Some(value) => Ok(Some(Some(text_of(value)?))),
        };
    }
    let found =
        this.parsed().and_then(|uri| uri.param(name.as_bytes()).map(|v| v.map(Bytes::copy_from_slice)));
    Ok(found)
}

/// A parameter that is there with or without a value, `name=` with nothing after it included.
fn has_flag(ruby: &Ruby, this: This, name: &str) -> Result<bool, Error> {
    Ok(is_sip(ruby, this)
        && (param(ruby, this, name)?.is_some() || param(ruby, this, &format!("{name}="))?.is_some()))
}

fn transport_param(ruby: &Ruby, this: This) -> Result<Value, Error> {
    let nil = ruby.qnil().as_value();
    if !is_sip(ruby, this) {
        return Ok(nil);
    }
    let Some(Some(text)) = param(ruby, this, "transport")? else { return Ok(nil) };
    if !text::is_token(&text) {
        return Ok(nil);
    }
    let lower = text.to_ascii_lowercase();
    Ok(match lower.as_slice() {
        b"udp" => symbol(ruby, "udp"),
        b"tcp" => symbol(ruby, "tcp"),
        b"tls" => symbol(ruby, "tls"),
        b"sctp" => symbol(ruby, "sctp"),
        b"ws" => symbol(ruby, "ws"),
        b"wss" => symbol(ruby, "wss"),
        other => utf8(ruby, other).as_value(),
    })
}

fn ovid_param(ruby: &Ruby, this: This) -> Result<Value, Error> {
    if is_sip(ruby, this) {
        if let Some(Some(value)) = param(ruby, this, "ovid")? {
            if text::is_token(&value) {
                return Ok(binary(ruby, &value).as_value());
            }
        }
    }
    Ok(ruby.qnil().as_value())
}

/// The phone context: a String as long as it was parsed, the Symbol that a script assigned afterwards.
fn phone_context_param(ruby: &Ruby, this: This) -> Result<Value, Error> {
    if let Some(value) = this.phone_context.get(ruby) {
        return Ok(value);
    }
    if !is_tel(ruby, this) || live_params(ruby, this).is_some_and(|hash| hash.get("phone-context").is_none())
    {
        return Ok(ruby.qnil().as_value());
    }
    let value = this.parsed().and_then(|uri| uri.phone_context().map(|context| context.to_vec()));
    let lower = value.map(|context| {
        let context = context.strip_suffix(b".").unwrap_or(&context);
        context.to_ascii_lowercase()
    });
    let value = utf8_or_nil(ruby, lower.as_deref());
    this.phone_context.set(this, value);
    Ok(value)
}

/// A parameter name as the Hash has it.
fn param_key(ruby: &Ruby, name: Value) -> Result<RString, Error> {
    Ok(utf8(ruby, &text_of(name)?.to_ascii_lowercase()))
}

fn has_param(ruby: &Ruby, this: This, name: Value) -> Result<Value, Error> {
    if is_unknown_scheme(ruby, this) {
        return Ok(ruby.qnil().as_value());
    }
    let key = param_key(ruby, name)?;
    Ok(ruby.into_value(params(ruby, this)?.get(key).is_some()))
}

fn get_param(ruby: &Ruby, this: This, name: Value) -> Result<Value, Error> {
    if is_unknown_scheme(ruby, this) {
        return Ok(ruby.qnil().as_value());
    }
    let key = param_key(ruby, name)?;
    Ok(params(ruby, this)?.get(key).unwrap_or_else(|| ruby.qnil().as_value()))
}

fn set_param(ruby: &Ruby, this: This, name: Value, value: Value) -> Result<Value, Error> {
    if is_unknown_scheme(ruby, this) {
        return Ok(ruby.qnil().as_value());
    }
    let key = param_key(ruby, name)?;
    params(ruby, this)?.aset(key, value)?;
    if text::same_bytes(key, b"phone-context") {
        this.phone_context.clear();
    }
    this.touch();
    Ok(ruby.qtrue().as_value())
}

fn del_param(ruby: &Ruby, this: This, name: Value) -> Result<Value, Error> {
    if is_unknown_scheme(ruby, this) {
        return Ok(ruby.qnil().as_value());
    }
    let key = param_key(ruby, name)?;
    let params = params(ruby, this)?;
    if params.get(key).is_none() {
        return Ok(ruby.qfalse().as_value());
    }
    let value: Value = params.delete(key)?;
    this.touch();
    Ok(value)
}

fn clear_params(ruby: &Ruby, this: This) -> Result<Value, Error> {
    if is_unknown_scheme(ruby, this) {
        return Ok(ruby.qnil().as_value());
    }
    let had_some =
        live_params(ruby, this).is_some() || this.parsed().is_some_and(|uri| uri.params().next().is_some());
    if !had_some {
        return Ok(ruby.qfalse().as_value());
    }
    params(ruby, this)?.clear()?;
    this.phone_context.clear();
    this.touch();
    Ok(ruby.qtrue().as_value())
}

/// Defines a writer that stores what it is given; nothing happens on an unknown scheme.
macro_rules! plain_writer {
    ($name:ident, $slot:ident) => {
        fn $name(ruby: &Ruby, this: This, value: Value) -> Value {
            if is_unknown_scheme(ruby, this) {
                return ruby.qnil().as_value();
            }
            this.$slot.set(this, value);
            this.touch();
            value
        }
    };
}

plain_writer!(set_scheme, scheme);
plain_writer!(set_user, user);
plain_writer!(set_port, port);
plain_writer!(set_headers, headers);

fn set_host(ruby: &Ruby, this: This, value: Value) -> Result<Value, Error> {
    if is_unknown_scheme(ruby, this) {
        return Ok(ruby.qnil().as_value());
    }
    let host_type = host_type_of(ruby, value)?;
    this.host.set(this, value);
    this.host_type.set(this, host_type);
    this.touch();
    Ok(value)
}

/// `:ipv4`, `:ipv6`, `:ipv6_reference` or `:domain`.
fn host_type_of(ruby: &Ruby, host: Value) -> Result<Value, Error> {
    let text = text::string_argument(ruby, host, "Argument must be a String")?;
    let name = match host::ip_type(&text) {
        Some(IpType::Ipv4) => "ipv4",
        Some(IpType::Ipv6) => "ipv6",
        Some(IpType::Ipv6Reference) => "ipv6_reference",
        None => "domain",
    };
    Ok(symbol(ruby, name))
}

fn set_host_type(ruby: &Ruby, this: This, value: Value) -> Value {
    if is_unknown_scheme(ruby, this) {
        return ruby.qnil().as_value();
    }
    this.host_type.set(this, value);
    value
}

fn set_transport_param(ruby: &Ruby, this: This, value: Value) -> Result<Value, Error> {
    if !is_sip(ruby, this) {
        return Ok(ruby.qnil().as_value());
    }
    write_named_param(ruby, this, "transport", value)
}

fn set_phone_context_param(ruby: &Ruby, this: This, value: Value) -> Result<Value, Error> {
    if !is_tel(ruby, this) {
        return Ok(ruby.qnil().as_value());
    }
    write_named_param(ruby, this, "phone-context", value)?;
    let known = if value.is_nil() { value } else { value.funcall("to_sym", ())? };
    this.phone_context.set(this, known);
    Ok(value)
}

fn write_named_param(ruby: &Ruby, this: This, name: &str, value: Value) -> Result<Value, Error> {
    let params = params(ruby, this)?;
    if value.is_nil() {
        let _: Value = params.delete(name)?;
    } else {
        params.aset(name, utf8(ruby, &text_of(value)?))?;
    }
    this.touch();
    Ok(value)
}

fn modified(ruby: &Ruby, this: This) -> Value {
    ruby.into_value(this.uri_modified())
}

/// The URI text: as received, or rebuilt when a mutator ran. Nothing for an empty object.
pub fn uri_text(ruby: &Ruby, this: This) -> Result<Option<Bytes>, Error> {
    if this.stale.get() {
        // Cleared first: a `to_s` of a script's object may edit this URI, and that edit is pending then.
        this.stale.set(false);
        match build(ruby, this) {
            Ok(Some(text)) => {
                this.rebuilt.replace(Some(text));
            }
            Ok(None) => {}
            Err(error) => {
                this.stale.set(true);
                return Err(error);
            }
        }
    }
    if let Some(text) = this.rebuilt.borrow().as_ref().or(this.source.get()) {
        return Ok(Some(text.clone()));
    }
    // What `allocate` made answers with the instance variable that the script has set.
    let variable: Value = this.ivar_get("@uri")?;
    if variable.is_nil() {
        return Ok(None);
    }
    text_of(variable).map(Some)
}

fn build(ruby: &Ruby, this: This) -> Result<Option<Bytes>, Error> {
    let mut text = Vec::with_capacity(64);
    match kind(ruby, this) {
        Kind::Sip => {
            text.extend_from_slice(&text_of(scheme(ruby, this))?);
            text.push(b':');
            push_user_and_host(ruby, this, &mut text)?;
            let port = port(ruby, this);
            if port.to_bool() {
                text.push(b':');
                text.extend_from_slice(&text_of(port)?);
            }
            push_params(ruby, this, &mut text)?;
            let headers = headers(ruby, this);
            if headers.to_bool() {
                text.extend_from_slice(&text_of(headers)?);
            }
        }
        Kind::Tel => {
            text.extend_from_slice(b"tel:");
            text.extend_from_slice(&text_of(user(ruby, this))?);
            push_params(ruby, this, &mut text)?;
        }
        Kind::OtherSymbol | Kind::Unknown => return Ok(None),
    }
    Ok(Some(neutralise(&text, false).unwrap_or(text).into()))
}

fn push_user_and_host(ruby: &Ruby, this: This, text: &mut Vec<u8>) -> Result<(), Error> {
    let user = user(ruby, this);
    if user.to_bool() {
        escape_user(&text_of(user)?, text);
        text.push(b'@');
    }
    let host = host(ruby, this);
    if !host.to_bool() {
        return Err(text::runtime_error(ruby, "the URI has no host"));
    }
    let host = text_of(host)?;
    if host::ip_type(&host) == Some(IpType::Ipv6) {
        text.push(b'[');
        text.extend_from_slice(&host);
        text.push(b']');
    } else {
        text.extend_from_slice(&host);
    }
    Ok(())
}

fn push_params(ruby: &Ruby, this: This, text: &mut Vec<u8>) -> Result<(), Error> {
    let Some(hash) = live_params(ruby, this) else {
        if let Some(uri) = this.parsed() {
            for (key, value) in uri.params() {
                push_param(text, &key.to_ascii_lowercase(), value);
            }
        }
        return Ok(());
    };
    // The pairs are copied into an Array first: `to_s` of a script's object may change the Hash.
    let pairs: magnus::RArray = hash.funcall("to_a", ())?;
    for pair in 0..pairs.len() {
        let pair: magnus::RArray = pairs.entry(pair as isize)?;
        let value: Value = pair.entry(1)?;
        let value = if value.is_nil() { None } else { Some(text_of(value)?) };
        push_param(text, &text_of(pair.entry(0)?)?, value.as_deref());
    }
    Ok(())
}

fn push_param(text: &mut Vec<u8>, key: &[u8], value: Option<&[u8]>) {
    text.push(b';');
    text.extend_from_slice(key);
    if let Some(value) = value {
        text.push(b'=');
        text.extend_from_slice(value);
    }
}

/// Escapes all but the bytes that a user part may carry as they are; `:` stays because a password is part of it.
fn escape_user(user: &[u8], text: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in user {
        if byte.is_ascii_alphanumeric() || b"!$&'()*+,-./:;=?_~".contains(&byte) {
            text.push(byte);
        } else {
            text.extend_from_slice(&[b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
}

fn to_s(ruby: &Ruby, this: This) -> Result<Value, Error> {
    Ok(utf8_or_nil(ruby, uri_text(ruby, this)?.as_deref()))
}

/// The address of record: always `sip:`, without port and parameters; the number of a TEL URI.
fn aor(ruby: &Ruby, this: This) -> Result<Value, Error> {
    let mut text;
    match kind(ruby, this) {
        Kind::Sip => {
            text = b"sip:".to_vec();
            push_user_and_host(ruby, this, &mut text)?;
        }
        Kind::Tel => {
            text = b"tel:".to_vec();
            text.extend_from_slice(&text_of(user(ruby, this))?);
        }
        Kind::OtherSymbol | Kind::Unknown => return Ok(ruby.qnil().as_value()),
    }
    Ok(utf8(ruby, &neutralise(&text, false).unwrap_or(text)).as_value())
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
        Some(scheme) => scheme.funcall("to_sym", ())?,
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

    class.define_method("scheme", method!(scheme, 0))?;
    class.define_method("user", method!(user, 0))?;
    class.define_method("number", method!(user, 0))?;
    class.define_method("host", method!(host, 0))?;
    class.define_method("domain", method!(host, 0))?;
    class.define_method("host_type", method!(host_type, 0))?;
    class.define_method("port", method!(port, 0))?;
    class.define_method("params", method!(params, 0))?;
    class.define_method("headers", method!(headers, 0))?;
    class.define_method("transport_param", method!(transport_param, 0))?;
    class.define_method("lr_param?", method!(|r: &Ruby, t: This| has_flag(r, t, "lr"), 0))?;
    class.define_method("ob_param?", method!(|r: &Ruby, t: This| has_flag(r, t, "ob"), 0))?;
    class.define_method("ovid_param", method!(ovid_param, 0))?;
    class.define_method("phone_context_param", method!(phone_context_param, 0))?;

    class.define_method("sip?", method!(is_sip, 0))?;
    class.define_method("tel?", method!(is_tel, 0))?;
    class.define_method("unknown_scheme?", method!(is_unknown_scheme, 0))?;
    class.define_method("has_param?", method!(has_param, 1))?;
    class.define_method("get_param", method!(get_param, 1))?;
    class.define_method("set_param", method!(set_param, 2))?;
    class.define_method("del_param", method!(del_param, 1))?;
    class.define_method("clear_params", method!(clear_params, 0))?;

    class.define_method("scheme=", method!(set_scheme, 1))?;
    class.define_method("user=", method!(set_user, 1))?;
    class.define_method("number=", method!(set_user, 1))?;
    class.define_method("host=", method!(set_host, 1))?;
    class.define_method("domain=", method!(set_host, 1))?;
    class.define_method("host_type=", method!(set_host_type, 1))?;
    class.define_method("port=", method!(set_port, 1))?;
    class.define_method("headers=", method!(set_headers, 1))?;
    class.define_method("transport_param=", method!(set_transport_param, 1))?;
    class.define_method("phone_context_param=", method!(set_phone_context_param, 1))?;

    class.define_method("modified?", method!(modified, 0))?;
    class.define_method("uri", method!(to_s, 0))?;
    class.define_method("to_s", method!(to_s, 0))?;
    class.define_method("inspect", method!(to_s, 0))?;
    class.define_method("aor", method!(aor, 0))?;
    Ok(())
}
