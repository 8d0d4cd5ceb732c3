//! `Uac#call`: sends a request and waits for its final response.

use magnus::{prelude::*, Error, Ruby, Value};

use super::route::ask;
use crate::{
    call::{CallArguments, Waiter},
    client::{self, RubyClient},
    message::ResponseObject,
    request, runtime,
};

/// `call(request, dst_host = nil, dst_port = nil, dst_transport = nil, timeout: nil)`.
pub(super) fn call(ruby: &Ruby, this: RubyClient, args: &[Value]) -> Result<Value, Error> {
    let arguments = CallArguments::scan(ruby, args)?;
    let request = arguments.route.request;
    runtime::host(ruby)?;
    let waiter = Waiter::of_caller(ruby, "Uac#call", this, &arguments)?;
    let call = waiter.call();
    let ask = ask(ruby, this, arguments.route, Some(call.clone()))?;
    client::heed_abort(ruby, this, request);
    let ended = waiter.run(ruby, this, ask);
    if let Some(cseq) = call.cseq() {
        request::show_cseq(ruby, request, cseq)?;
    }
    let (message, _) = ended?;
    Ok(ResponseObject::from_network(ruby, message, request, false).as_value())
}
