//! The callbacks of a `Client`: its blocks run in them.

use std::sync::Arc;

use magnus::{error::ErrorType, prelude::*, rb_sys::AsRawValue, Error, Exception, Ruby, Value};
use oversip::client::session::{Callback, Role};
use oversip::client::IncomingResponse;
use oversip::element::{Origin, OwnRequestId, Round, RoundEnd, TooDeep};
use oversip::engine::Subject;
use oversip::host::{Clients, Host, NewRoute};

use super::{lists::block_at, object::RubyClient, present::Asked, target::target_value};
use crate::{
    anchors::Anchor,
    blocks,
    classes::dispatcher_module,
    message::{RequestObject, ResponseObject, RubyResponse},
    observer, request, response, text,
};

/// A round of blocks on the thread that runs it. Whatever happens, the engine hears of its end.
struct Running<'a> {
    host: &'a Arc<dyn Host>,
    round: Option<Round>,
}

impl Running<'_> {
    /// Ends the round; hands out the next one.
    fn end(mut self, end: RoundEnd) -> Option<Round> {
        let round = self.round.take()?;
        Clients(self.host).round_done(&round, end)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let next = self.round.take().and_then(|it| Clients(self.host).round_done(&it, RoundEnd::default()));
        next.into_iter().for_each(|next| Clients(self.host).put_off(next));
    }
}

/// Sets a new route going: here with its first callbacks when this is the dispatcher, else in the engine.
pub fn launch(ruby: &Ruby, host: &Arc<dyn Host>, ask: NewRoute) -> Result<(), Error> {
    let role = ask.role;
    match (Clients(host).route(ask), role) {
        (Ok(first), _) => run(ruby, host, first),
        // Its request has been answered. An exception would only end the block.
        (Err(TooDeep), Role::Proxy) => Ok(()),
        (Err(too_deep), Role::Uac) => Err(text::runtime_error(ruby, too_deep.to_string())),
    }
}

/// Runs a round of blocks, and what follows of the same route.
pub fn run(ruby: &Ruby, host: &Arc<dyn Host>, mut next: Option<Round>) -> Result<(), Error> {
    while let Some(round) = next {
        let running = Running { host, round: Some(round.clone()) };
        let (end, result) = run_round(ruby, host, &round);
        next = running.end(end);
        if result.is_err() {
            // Another event of the dispatcher: the present one is at its end.
            next.into_iter().for_each(|next| Clients(host).put_off(next));
            return result;
        }
    }
    Ok(())
}

/// Runs the blocks of a round and says how they ended.
fn run_round(ruby: &Ruby, host: &Arc<dyn Host>, round: &Round) -> (RoundEnd, Result<(), Error>) {
    let anchor = Clients(host).anchored(round.anchor);
    let held = anchor.as_ref().and_then(|it| it.downcast_ref::<Anchor>()).and_then(|it| it.values(ruby));
    let client = held.and_then(|(client, _)| RubyClient::try_convert(client).ok());
    let (Some((_, request)), Some(client)) = (held, client) else {
        return (RoundEnd::default(), Ok(()));
    };
    if let Some(Err(error)) = round.changed_cseq.map(|cseq| request::show_cseq(ruby, request, cseq)) {
        return (RoundEnd::default(), Err(error));
    }
    // An event that sends nothing upstream leaves a flag set outside to the response that follows.
    let dropped = round.answers && client.shared().take_drop();
    let asked = Asked {
        request: request.into(),
        origin: origin(round, request),
        target: round.target,
        dropped,
        aborts_next: false,
    };
    let number = client.present.begin(ruby, client, asked);
    let (result, response) = match arguments(ruby, round, client, request) {
        Ok(arguments) => (run_blocks(ruby, client, round, &arguments), arguments.response),
        Err(error) => (Err(error), None),
    };
    let dropped = client.present.end(number).is_some_and(|event| event.dropped);
    let restore = || RequestObject::from_value(request).map(request::restore_headers).unwrap_or_default();
    let end = RoundEnd {
        dropped,
        aborted: false,
        request: request::snapshot_of(ruby, request).ok().map(|sent| (sent, restore())),
        response: response
            .filter(|_| round.role == Role::Proxy)
            .and_then(|response| response::snapshot(ruby, response).ok()),
    };
    (end, result)
}

/// Where the request of a round comes from.
fn origin(round: &Round, request: Value) -> Origin {
    match &round.upstream {
        Some(received) => Origin::Network(received.clone()),
        None => own_origin(request),
    }
}

/// Where a request of the script's own comes from. The object stays where it is as long as its route holds it.
pub fn own_origin(request: Value) -> Origin {
    Origin::Own(OwnRequestId(request.as_raw()))
}

/// What the blocks of a callback are called with. An array and no `Vec`: the GC finds values on the stack, not those that
/// only memory of Rust's heap refers to.
struct Arguments {
    values: [Value; 3],
    count: usize,
    /// The Response among them.
    response: Option<RubyResponse>,
}

impl Arguments {
    fn new<const N: usize>(ruby: &Ruby, given: [Value; N]) -> Self {
        let mut values = [ruby.qnil().as_value(); 3];
        values[..N].copy_from_slice(&given);
        Self { values, count: N, response: None }
    }
}

fn arguments(ruby: &Ruby, round: &Round, client: RubyClient, request: Value) -> Result<Arguments, Error> {
    let response = |message: &Arc<IncomingResponse>, status: Option<u16>| {
        let object = ResponseObject::from_network(ruby, message.clone(), request, round.role == Role::Proxy);
        if let Some(status) = status {
            response::rewrite_status(ruby, object, status);
        }
        Arguments { response: Some(object), ..Arguments::new(ruby, [object.as_value()]) }
    };
    Ok(match &round.callback {
        Callback::Provisional(message) | Callback::Success(message) => response(message, None),
        Callback::Failure(message, status) => {
            response(message, Some(*status).filter(|status| message.status() != Some(*status)))
        }
        Callback::Canceled | Callback::InviteTimeout => Arguments::new(ruby, []),
        Callback::Error(failure) => {
            let reason = text::utf8(ruby, failure.reason.as_bytes());
            let code = text::symbol(ruby, failure.code);
            let status = ruby.integer_from_i64(i64::from(failure.status));
            Arguments::new(ruby, [status.as_value(), reason.as_value(), code])
        }
        Callback::Target(target) => Arguments::new(ruby, [target_value(ruby, client, *target)?]),
    })
}

/// Runs a list of blocks in order. A block that fails is logged and the next one runs; only what ends the process or the
/// thread ends the callback.
fn run_blocks(ruby: &Ruby, client: RubyClient, round: &Round, arguments: &Arguments) -> Result<(), Error> {
    let class = round.callback.class();
    let mut index = 0;
    // The list is read anew each time: blocks may add to it or clear it, as in Array#each.
    while let Some(block) = block_at(ruby, client, class, index)? {
        index += 1;
        let given = &arguments.values[..arguments.count];
        let begun = blocks::begin(class.name(), block);
        let mut result = observer::call(ruby, class.name(), client.as_value(), block, given);
        if let Some(begun) = begun {
            result = begun.block_ended(&Subject::of_round(round), result);
        }
        if let Err(error) = result {
            report(ruby, error, class.name())?;
        }
    }
    Ok(())
}

/// Logs what a block raised, or hands it on when it is not an error of the block.
fn report(ruby: &Ruby, error: Error, name: &str) -> Result<(), Error> {
    let exception = match error.error_type() {
        ErrorType::Jump(_) => return Err(error),
        ErrorType::Exception(exception) => *exception,
        ErrorType::Error(class, message) => class.new_instance((message.to_string(),))?,
    };
    if is_fatal(ruby, exception) {
        return Err(error);
    }
    let _: Value = dispatcher_module(ruby).funcall("callback_failed", (exception, name))?;
    Ok(())
}

fn is_fatal(ruby: &Ruby, exception: Exception) -> bool {
    exception.is_kind_of(ruby.exception_system_exit())
        || exception.is_kind_of(ruby.exception_signal())
        || exception.is_kind_of(ruby.exception_no_mem_error())
}
