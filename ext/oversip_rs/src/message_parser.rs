//! `OverSIP::SIP::MessageParser`: the incremental parser as scripts and tests drive it. The listeners do not use it.

use std::cell::RefCell;

use bytes::Bytes;
use magnus::{
    function,
    gc::Marker,
    method,
    prelude::*,
    typed_data::{DataType, DataTypeBuilder, DataTypeFunctions, Obj},
    value::Lazy,
    Error, ExceptionClass, Integer, RClass, RModule, RString, Ruby, TypedData, Value,
};
use oversip::message::{HeaderName, Message, NameAddrRef, ParseProgress, Parser, Started, UriRef};

use crate::{
    classes::{oversip_module, sip_class},
    headers, message, name_addr,
    slot::Slot,
    text::{self, binary, bytes_of, symbol},
    uri::UriObject,
};

/// A parser, and the bytes that it was given last.
#[derive(Default)]
pub struct ParserObject {
    state: RefCell<State>,
    /// The object for what has been read so far, made when it is asked for.
    parsed: Slot,
}

#[derive(Default)]
struct State {
    parser: Parser,
    buffer: Bytes,
}

impl DataTypeFunctions for ParserObject {
    fn mark(&self, marker: &Marker) {
        self.parsed.mark(marker);
    }
}

// SAFETY: instances are made by the allocator only; the slot is marked, freed without calling Ruby, written through
// `Slot::set`.
unsafe impl TypedData for ParserObject {
    fn class(ruby: &Ruby) -> RClass {
        static CLASS: Lazy<RClass> = Lazy::new(|ruby| sip_class(ruby, "MessageParser"));
        ruby.get_inner(&CLASS)
    }

    fn data_type() -> &'static DataType {
        static DATA_TYPE: DataType = DataTypeBuilder::<ParserObject>::new(c"OverSIP::SIP::MessageParser")
            .mark()
            .free_immediately()
            .wb_protected()
            .build();
        &DATA_TYPE
    }
}

/// A `MessageParser` as a method gets it.
type RubyParser = Obj<ParserObject>;

/// `reset`: expects a message from its first byte.
fn reset(this: RubyParser) {
    this.state.replace(State::default());
    this.parsed.clear();
}

/// `execute(data, offset)`: the bytes consumed in all, or false.
fn execute(ruby: &Ruby, this: RubyParser, data: Value, offset: Value) -> Result<Option<usize>, Error> {
    let type_error = |message: &'static str| Error::new(ruby.exception_type_error(), message);
    let Some(data) = RString::from_value(data).map(bytes_of) else {
        return Err(type_error("Wrong argument type for buffer required T_STRING"));
    };
    let Some(offset) = Integer::from_value(offset) else {
        return Err(type_error("Wrong argument type for start required T_FIXNUM"));
    };
    let offset = offset.to_usize().ok().filter(|offset| *offset < data.len());
    let Some(offset) = offset else {
        return Err(parser_error(ruby, "requested start is after buffer end.".into()));
    };
    let (running, consumed) = {
        let parser = &this.state.borrow().parser;
        (!parser.is_finished() && !parser.is_failed(), parser.nread())
    };
    if running && offset > consumed {
        return Err(parser_error(
            ruby,
            format!("requested start is {offset}, but {consumed} bytes have been consumed."),
        ));
    }
    let mut state = this.state.borrow_mut();
    if !state.parser.is_failed() {
        state.buffer = data.clone();
        this.parsed.clear();
    }
    Ok(match state.parser.feed(&data) {
        ParseProgress::Error(_) => None,
        ParseProgress::Incomplete => Some(state.parser.nread()),
        ParseProgress::Keepalive { len } | ParseProgress::Head { len } => Some(len),
    })
}

fn parser_error(ruby: &Ruby, message: String) -> Error {
    let class = oversip_module(ruby)
        .and_then(|module| module.const_get::<_, RModule>("SIP"))
        .and_then(|module| module.const_get::<_, ExceptionClass>("MessageParserError"));
    match class {
        Ok(class) => Error::new(class, message),
        Err(error) => error,
    }
}

/// `execute` as Ruby has it: false where nothing is consumed any more.
fn execute_or_false(ruby: &Ruby, this: RubyParser, data: Value, offset: Value) -> Result<Value, Error> {
    let consumed = execute(ruby, this, data, offset)?;
    Ok(consumed.map_or_else(|| ruby.qfalse().as_value(), |bytes| ruby.into_value(bytes)))
}

/// `finished?`, and `finish`, which answers the same and does nothing.
fn is_finished(this: RubyParser) -> bool {
    this.state.borrow().parser.is_finished()
}

/// `error?`.
fn is_failed(this: RubyParser) -> bool {
    this.state.borrow().parser.is_failed()
}

/// `error`: the bytes of the failing call, the offending one marked; nil without an error.
fn error(ruby: &Ruby, this: RubyParser) -> Value {
    let state = this.state.borrow();
    if !state.parser.is_failed() {
        return ruby.qnil().as_value();
    }
    let mut shown = Vec::with_capacity(state.buffer.len() + 16);
    for (index, byte) in state.buffer.iter().enumerate() {
        let offending = index == state.parser.nread();
        if offending {
            shown.extend_from_slice(b"{{{");
        }
        match byte {
            b'\r' => shown.extend_from_slice(b"\\r"),
            b'\n' => shown.extend_from_slice(b"\\n"),
            _ => shown.push(*byte),
        }
        if offending {
            shown.extend_from_slice(b"}}}");
        }
    }
    binary(ruby, &shown).as_value()
}

/// `nread`.
fn nread(this: RubyParser) -> usize {
    this.state.borrow().parser.nread()
}

/// What has been read, as far as it is a message.
fn message_of(this: RubyParser) -> Option<Message> {
    let state = this.state.borrow();
    state.parser.partial(&state.buffer)
}

/// `parsed`: nil, a Request, a Response or `:outbound_keepalive`.
fn parsed(ruby: &Ruby, this: RubyParser) -> Value {
    if let Some(parsed) = this.parsed.get(ruby) {
        return parsed;
    }
    let started = {
        let state = this.state.borrow();
        state.parser.started(&state.buffer)
    };
    let parsed = match (started, message_of(this)) {
        (Started::Keepalive, _) => symbol(ruby, "outbound_keepalive"),
        (_, Some(message)) => message::detached(ruby, message),
        (_, None) => ruby.qnil().as_value(),
    };
    this.parsed.set(this, parsed);
    parsed
}

fn name_or_false(ruby: &Ruby, name: Option<HeaderName>) -> Result<Value, Error> {
    match name {
        Some(name) => Ok(headers::key(ruby, name, b"")?.as_value()),
        None => Ok(ruby.qfalse().as_value()),
    }
}

/// `missing_core_header?`: where nothing was read, everything is missing.
fn missing_core_header(ruby: &Ruby, this: RubyParser) -> Result<Value, Error> {
    let message = message_of(this);
    name_or_false(ruby, message.map_or(Some(HeaderName::Via), |message| message.missing_core_header()))
}

/// `duplicated_core_header?`.
fn duplicated_core_header(ruby: &Ruby, this: RubyParser) -> Result<Value, Error> {
    name_or_false(ruby, message_of(this).and_then(|message| message.duplicated_core_header()))
}

/// `post_parsing`: nothing is left to do, since `contact` is right from the start.
fn post_parsing(_: RubyParser) {}

/// `MessageParser.parse_uri(text, allow_name_addr)`: a NameAddr for exactly true, else a Uri; false for what is neither.
fn parse_uri(ruby: &Ruby, text: Value, allow_name_addr: Value) -> Result<Value, Error> {
    let bytes = text::parse_argument(ruby, text)?;
    let object = if allow_name_addr.equal(ruby.qtrue())? {
        NameAddrRef::parse(&bytes).map(|parsed| name_addr::wrap(ruby, name_addr::class(ruby), &parsed))
    } else {
        UriRef::parse(&bytes).map(|_| UriObject::new_uri(ruby, bytes.clone()))
    };
    Ok(object.map_or_else(|| ruby.qfalse().as_value(), |object| object.as_value()))
}

/// Defines the class.
pub fn define(ruby: &Ruby, sip: RModule) -> Result<(), Error> {
    let class = sip.define_class("MessageParser", ruby.class_object())?;
    class.define_alloc_func::<ParserObject>();
    class.define_singleton_method("headerize", function!(headers::headerize, 1))?;
    class.define_private_method(
        "headerize",
        method!(|ruby: &Ruby, _: RubyParser, name| headers::headerize(ruby, name), 1),
    )?;
    class.define_singleton_method("parse_uri", function!(parse_uri, 2))?;
    class.define_private_method(
        "parse_uri",
        method!(|ruby: &Ruby, _: RubyParser, text, allow| parse_uri(ruby, text, allow), 2),
    )?;
    class.define_method("reset", method!(reset, 0))?;
    class.define_method("execute", method!(execute_or_false, 2))?;
    class.define_method("finished?", method!(is_finished, 0))?;
    class.define_method("finish", method!(is_finished, 0))?;
    class.define_method("error?", method!(is_failed, 0))?;
    class.define_method("error", method!(error, 0))?;
    class.define_method("nread", method!(nread, 0))?;
    class.define_method("parsed", method!(parsed, 0))?;
    class.define_method("missing_core_header?", method!(missing_core_header, 0))?;
    class.define_method("duplicated_core_header?", method!(duplicated_core_header, 0))?;
    class.define_method("post_parsing", method!(post_parsing, 0))
}
