//! `OverSIP::SIP::Message`: what requests and responses share. A thin object: a Rust message inside, Ruby objects made
//! when they are asked for.

mod addresses;
mod any;
mod attributes;
mod describe;
mod from_text;
mod methods;
mod request_object;
mod response_object;
mod source;
mod state;
mod via;

use magnus::{prelude::*, Error, RClass, RModule, Ruby};

pub use self::{
    addresses::routes,
    any::RubyMessage,
    attributes::body_bytes,
    describe::describe,
    from_text::{detached, parse_request, parse_response},
    methods::method_value,
    request_object::{RequestObject, RubyRequest},
    response_object::{ResponseObject, RubyResponse},
    source::{connection, is_secure},
    via::use_source_port,
};
use crate::headers;

/// Defines `Message`.
pub fn define(ruby: &Ruby, sip: RModule) -> Result<RClass, Error> {
    let class = sip.define_class("Message", ruby.class_object())?;
    class.undef_default_alloc_func();
    class.const_set("EMPTY_ARRAY", {
        let empty = ruby.ary_new();
        empty.freeze();
        empty
    })?;
    headers::define(class)?;
    attributes::define(class)?;
    addresses::define(class)?;
    via::define(class)?;
    source::define(class)?;
    methods::define(ruby, class)?;
    Ok(class)
}
