//! A `Request` or a `Response`, whichever it is.

use std::ops::Deref;

use magnus::{prelude::*, typed_data::Writebarrier, Error, Ruby, TryConvert, TypedData, Value};

use super::{
    request_object::{RequestObject, RubyRequest},
    response_object::RubyResponse,
    state::MessageState,
};
use crate::slot::Owner;

/// A message as a method of `Message` gets it.
#[derive(Clone, Copy)]
pub enum RubyMessage {
    /// A request.
    Request(RubyRequest),
    /// A response.
    Response(RubyResponse),
}

impl Deref for RubyMessage {
    type Target = MessageState;

    fn deref(&self) -> &MessageState {
        match self {
            RubyMessage::Request(request) => request,
            RubyMessage::Response(response) => response,
        }
    }
}

impl Owner for RubyMessage {
    fn now_refers_to(self, value: Value) {
        match self {
            RubyMessage::Request(request) => request.writebarrier(value),
            RubyMessage::Response(response) => response.writebarrier(value),
        }
    }
}

impl TryConvert for RubyMessage {
    fn try_convert(value: Value) -> Result<Self, Error> {
        if value.is_kind_of(RequestObject::class(&Ruby::get_with(value))) {
            RubyRequest::try_convert(value).map(RubyMessage::Request)
        } else {
            RubyResponse::try_convert(value).map(RubyMessage::Response)
        }
    }
}

impl From<RubyRequest> for RubyMessage {
    fn from(request: RubyRequest) -> Self {
        RubyMessage::Request(request)
    }
}

impl From<RubyResponse> for RubyMessage {
    fn from(response: RubyResponse) -> Self {
        RubyMessage::Response(response)
    }
}
