//! The callbacks of a `Client`: its blocks run in them.

use std::sync::Arc;

use magnus::{error::ErrorType, prelude::*, Error, Exception, RArray, Ruby, Value};
use oversip::client::session::{Callback, CallbackClass, Kind, Round};
use oversip::client::IncomingResponse;
use oversip::engine::{Engine, Progress, Route};

use super::{object::RubyClient, target::current_target};
use crate::{
    anchors::Anchor,
    classes::dispatcher_module,
    dispatcher_thread,
    message::{RequestObject, ResponseObject, RubyResponse},
    request, response, text,
};

/// A route on the thread that runs its callbacks. Whatever happens, the engine gets it in the end.
struct Flight<'a> {
    engine: &'a Engine,
    route: Option<Box<Route>>,
    fresh: bool,
}

impl Flight<'_> {
    fn run(&mut self, ruby: &Ruby) -> Result<(), Error> {
        let Some(route) = &mut self.route else { return Ok(()) };
        loop {
            if route.callback().is_some() {
                run_callback(ruby, self.engine, route)?;
            }
            match route.advance(self.engine.shared(), self.engine.now()) {
                Progress::Callback => {}
                Progress::Waiting => return Ok(()),
            }
        }
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        match self.route.take() {
            Some(route) if self.fresh => self.engine.start_route(route),
            Some(route) => self.engine.return_route(route),
            None => {}
        }
    }
}

/// Sets a new route going: here with its first callbacks when this is the dispatcher, else in the engine.
pub fn launch(ruby: &Ruby, engine: &Engine, route: Box<Route>) -> Result<(), Error> {
    let mut flight = Flight { engine, route: Some(route), fresh: true };
    if dispatcher_thread::is_current() {
        flight.run(ruby)?;
    }
    Ok(())
}

/// Runs the callbacks that a route came for.
pub fn resume(ruby: &Ruby, engine: &Engine, route: Box<Route>) -> Result<(), Error> {
    Flight { engine, route: Some(route), fresh: false }.run(ruby)
}

/// Runs the blocks of the callback that the route waits for and tells it how they ended.
fn run_callback(ruby: &Ruby, engine: &Engine, route: &mut Route) -> Result<(), Error> {
    let held = route.anchor().downcast_ref::<Anchor>().and_then(|anchor| anchor.values(ruby));
    let client = held.and_then(|(client, _)| RubyClient::try_convert(client).ok());
    let (Some((_, request)), Some(client), Some(callback)) = (held, client, route.callback().cloned()) else {
        route.callback_done(engine.now(), Round::default(), None, None);
        return Ok(());
    };
    if let Some(cseq) = route.changed_cseq() {
        request::show_cseq(ruby, request, cseq)?;
    }
    // An event that sends nothing upstream leaves a flag set outside to the response that follows.
    let dropped = route.answers() && client.shared().take_drop();
    client.events.borrow_mut().push(dropped);
    let (result, response) = match arguments(ruby, route, &callback, client, request) {
        Ok(arguments) => (run_blocks(ruby, client, callback.class(), &arguments), arguments.response),
        Err(error) => (Err(error), None),
    };
    let dropped = client.events.borrow_mut().pop().unwrap_or(false);
    let restore = || RequestObject::from_value(request).map(request::restore_headers).unwrap_or_default();
    let sent = request::snapshot_of(ruby, request).ok().map(|sent| (sent, restore()));
    let edited = response
        .filter(|_| route.kind() == Kind::Proxy)
        .and_then(|response| response::snapshot(ruby, response).ok());
    route.callback_done(engine.now(), Round { dropped, aborted: false }, sent, edited);
    result
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

fn arguments(
    ruby: &Ruby,
    route: &Route,
    callback: &Callback,
    client: RubyClient,
    request: Value,
) -> Result<Arguments, Error> {
    let response = |message: &Arc<IncomingResponse>, status: Option<u16>| {
        let object =
            ResponseObject::from_network(ruby, message.clone(), request, route.kind() == Kind::Proxy);
        if let Some(status) = status {
            response::rewrite_status(ruby, object, status);
        }
        Arguments { response: Some(object), ..Arguments::new(ruby, [object.as_value()]) }
    };
    Ok(match callback {
        Callback::Provisional(message) | Callback::Success(message) => response(message, None),
        Callback::Failure(message, status) => {
            response(message, Some(*status).filter(|status| message.status() != Some(*status)))
        }
        Callback::Canceled | Callback::InviteTimeout => Arguments::new(ruby, []),
        Callback::Error(failure) => {
            let reason = text::utf8(ruby, failure.reason.as_bytes());
            let code = ruby.to_symbol(failure.code);
            let status = ruby.integer_from_i64(i64::from(failure.status));
            Arguments::new(ruby, [status.as_value(), reason.as_value(), code.as_value()])
        }
        Callback::Target(_) => Arguments::new(ruby, [current_target(ruby, client)?]),
    })
}

/// Runs a list of blocks in order. A block that fails is logged and the next one runs; only what ends the process or the
/// thread ends the callback.
fn run_blocks(
    ruby: &Ruby,
    client: RubyClient,
    class: CallbackClass,
    arguments: &Arguments,
) -> Result<(), Error> {
    let mut index = 0;
    // The list is read anew each time: blocks may add to it or clear it, as in Array#each.
    while let Some(list) = client.lists[class as usize].get(ruby).and_then(RArray::from_value) {
        if index >= list.len() {
            break;
        }
        let block: Value = list.entry(index as isize)?;
        index += 1;
        let given = &arguments.values[..arguments.count];
        if let Err(error) = block.funcall_public::<_, _, Value>("call", given) {
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
