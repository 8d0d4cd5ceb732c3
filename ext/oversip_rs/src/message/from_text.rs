//! Messages that did not come from the network: from a text, or from a parser.

use magnus::{prelude::*, Error, RClass, Ruby, TypedData, Value};
use oversip::message::Message;

use super::{
    request_object::{RequestObject, RubyRequest},
    response_object::{ResponseObject, RubyResponse},
    state::Received,
};
use crate::text;

/// `Request.parse(text)`: a request without a connection, for tests and tools. Raises `OverSIP::ParsingError`.
pub fn parse_request(ruby: &Ruby, class: RClass, text: Value) -> Result<RubyRequest, Error> {
    let message = parse(ruby, text)?;
    if !message.is_request() {
        return Err(text::parsing_error(ruby, "not a SIP request"));
    }
    Ok(RequestObject::wrap(ruby, class, Received::Detached(Box::new(message))))
}

/// `Response.parse(text)`: a response without a connection, for tests and tools. Raises `OverSIP::ParsingError`.
pub fn parse_response(ruby: &Ruby, class: RClass, text: Value) -> Result<RubyResponse, Error> {
    let message = parse(ruby, text)?;
    if message.is_request() {
        return Err(text::parsing_error(ruby, "not a SIP response"));
    }
    Ok(ResponseObject::wrap(ruby, class, Received::Detached(Box::new(message))))
}

/// A message from a complete text.
fn parse(ruby: &Ruby, text: Value) -> Result<Message, Error> {
    let bytes = text::string_argument(ruby, text, "Argument must be a String")?;
    let (mut message, head) = Message::parse(bytes.clone()).map_err(|error| {
        text::parsing_error(ruby, format!("not a SIP message: {}", error.describe(&bytes)))
    })?;
    message.set_body(bytes.slice(head..));
    Ok(message)
}

/// A Request or Response without a connection.
pub fn detached(ruby: &Ruby, message: Message) -> Value {
    let is_request = message.is_request();
    let received = Received::Detached(Box::new(message));
    if is_request {
        RequestObject::wrap(ruby, RequestObject::class(ruby), received).as_value()
    } else {
        ResponseObject::wrap(ruby, ResponseObject::class(ruby), received).as_value()
    }
}
