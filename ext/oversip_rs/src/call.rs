//! Waiting for the end of a route: what `Uac#call` and `Proxy#call` have in common.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use magnus::{
    prelude::*,
    rb_sys::AsRawValue,
    scan_args::{get_kwargs, scan_args},
    Error, ExceptionClass, RHash, RModule, Ruby, Value,
};
use oversip::client::digest::Credentials;
use oversip::client::session::Role;
use oversip::client::{Failure, IncomingResponse};
use oversip::element::Outcome;
use oversip::engine::Engine;
use oversip::host::{Call, Clients, Host, NewRoute, StoredProfile, Wait};
use oversip::message::Method;

use crate::{
    classes::{dispatcher_module, oversip_module},
    client::{self, RubyClient},
    destination::RouteArguments,
    dispatcher_thread,
    gvl::{without_gvl, SIGNAL_INTERVAL},
    runtime, schedule, text, world,
};

/// What `call` is given: the arguments of `route`, and how long it may last.
pub struct CallArguments {
    pub route: RouteArguments,
    limit: Option<Duration>,
}

impl CallArguments {
    /// `(request, dst_host = nil, dst_port = nil, dst_transport = nil, timeout: nil)`.
    pub fn scan(ruby: &Ruby, args: &[Value]) -> Result<Self, Error> {
        let args =
            scan_args::<(Value,), (Option<Value>, Option<Value>, Option<Value>), (), (), RHash, ()>(args)?;
        let keywords = get_kwargs::<_, (), (Option<Value>,), ()>(args.keywords, &[], &["timeout"])?;
        let limit = keywords.optional.0.filter(|value| !value.is_nil()).map(|value| seconds(ruby, value));
        let route = RouteArguments::new(ruby, args.required.0, args.optional)?;
        Ok(Self { route, limit: limit.transpose()? })
    }
}

/// How the caller waits for the end of a route. It is found out before anything is sent.
pub struct Waiter {
    name: &'static str,
    call: Arc<Call>,
    /// The `CallEnd` by which a Fiber waits, where others of its thread go on meanwhile.
    end: Option<Value>,
}

impl Waiter {
    /// `name` is the method that the script has called.
    pub fn of_caller(
        ruby: &Ruby,
        name: &'static str,
        client: RubyClient,
        arguments: &CallArguments,
    ) -> Result<Waiter, Error> {
        let on_dispatcher = dispatcher_thread::is_current();
        let end = if on_dispatcher || (runtime::current().is_some() && has_scheduler(ruby)) {
            Some(dispatcher_module(ruby).const_get::<_, Value>("CallEnd")?.funcall("new", (name,))?)
        } else {
            None
        };
        let teller = end.map(|end: Value| schedule::add_teller(ruby, end));
        let in_block = client::is_in_block(ruby, client);
        let call = Call::new(Wait { limit: arguments.limit, in_block, teller });
        Ok(Waiter { name, call, end })
    }

    /// Who waits, as a route is begun with.
    pub fn call(&self) -> Arc<Call> {
        self.call.clone()
    }

    /// Begins the route and waits for its final response. Hands it out with the status that the script sees.
    pub fn run(
        self,
        ruby: &Ruby,
        client: RubyClient,
        ask: NewRoute,
    ) -> Result<(Arc<IncomingResponse>, u16), Error> {
        let host = runtime::host(ruby)?;
        let waiting = Waiting {
            engine: runtime::current(),
            host: &host,
            client,
            profile: ask.profile.clone(),
            role: ask.role,
            method: ask.request.method.clone(),
            ruri: ask.request.ruri.clone(),
            credentials: ask.credentials.clone(),
            taken: Cell::new(false),
            waiter: self,
        };
        if ask.request.method == Method::Ack {
            let class = if ask.role == Role::Proxy { "Proxy#route" } else { "Uac#route or Uac#ack" };
            let message = format!("an ACK has no response to wait for: use {class}");
            return Err(text::runtime_error(ruby, message));
        }
        // Its blocks run as events of their own.
        Clients(&host).route(ask).map_err(|error| text::runtime_error(ruby, error.to_string()))?;
        match waiting.outcome(ruby)? {
            Outcome::Response(message, status) => {
                waiting.taken.set(true);
                Ok((message, status))
            }
            Outcome::Failed(failure) => Err(client_error(ruby, &failure)?),
            Outcome::Stopped => Err(stopped_error(ruby)?),
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        if let Some(teller) = self.call.teller() {
            schedule::remove_teller(teller);
        }
    }
}

/// Whether a Fiber scheduler of the calling thread takes care of Fibers that wait, such as this one.
fn has_scheduler(ruby: &Ruby) -> bool {
    // SAFETY: reads what the calling thread has; it neither allocates nor raises.
    let scheduler = unsafe { rb_sys::rb_fiber_scheduler_current() };
    scheduler != ruby.qnil().as_value().as_raw()
}

/// A call under way. Whatever ends the wait before its time, such as Thread#kill, gives the request up; the call of a Uac that was
/// answered by then is ended, since nobody else has its response.
struct Waiting<'a> {
    /// `None`: a world is open.
    engine: Option<Arc<Engine>>,
    host: &'a Arc<dyn Host>,
    client: RubyClient,
    profile: StoredProfile,
    role: Role,
    method: Method,
    ruri: Bytes,
    credentials: Vec<Credentials>,
    /// The script gets the response.
    taken: Cell<bool>,
    waiter: Waiter,
}

impl Waiting<'_> {
    fn outcome(&self, ruby: &Ruby) -> Result<Outcome, Error> {
        let call = &self.waiter.call;
        if let Some(end) = self.waiter.end {
            let _: Value = end.funcall("wait", (self.in_words(),))?;
            return Ok(call.end(Duration::ZERO).unwrap_or(Outcome::Stopped));
        }
        match &self.engine {
            Some(engine) => wait(ruby, engine, call),
            None => world::outcome(ruby, call, self.waiter.name, &self.in_words()),
        }
    }

    fn in_words(&self) -> String {
        let [method, ruri] = [self.method.as_bytes(), &self.ruri].map(String::from_utf8_lossy);
        format!("the {method} to {ruri}")
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let clients = Clients(self.host);
        let call = &self.waiter.call;
        if self.taken.get() || clients.give_up(self.client.shared(), call) || self.role == Role::Proxy {
            return;
        }
        // Nobody else tells it while a world is open.
        let limit = self.engine.as_ref().map_or(Duration::ZERO, |_| SIGNAL_INTERVAL);
        if let Some(Outcome::Response(response, _)) = call.end(limit) {
            clients.hang_up(&self.profile, &response, &self.ruri, self.credentials.clone());
        }
    }
}

/// The thread waits. Ruby is looked after in between: a signal reaches a thread that waits without the GVL only if some other
/// thread happens to watch for it. So is the end of the engine: it does not wait for the answer, the thread must not wait either.
fn wait(ruby: &Ruby, engine: &Engine, call: &Call) -> Result<Outcome, Error> {
    loop {
        let outcome = without_gvl(ruby, || call.wait(SIGNAL_INTERVAL), || call.interrupt())?;
        if let Some(outcome) = outcome {
            return Ok(outcome);
        }
        if engine.is_stopping() {
            return Ok(Outcome::Stopped);
        }
    }
}

fn seconds(ruby: &Ruby, value: Value) -> Result<Duration, Error> {
    let given = f64::try_convert(value)
        .map_err(|_| text::unfit(ruby.exception_type_error(), "timeout:", "a number of seconds", value))?;
    let limit = text::duration(given).filter(|limit| !limit.is_zero());
    limit.ok_or_else(|| {
        text::unfit(
            ruby.exception_arg_error(),
            "timeout:",
            "a positive number of seconds, at most 1000000000",
            value,
        )
    })
}

/// `OverSIP::SIP::ClientError`.
pub fn client_error(ruby: &Ruby, failure: &Failure) -> Result<Error, Error> {
    let sip: RModule = oversip_module(ruby)?.const_get("SIP")?;
    let class: ExceptionClass = sip.const_get("ClientError")?;
    let reason = text::utf8(ruby, failure.reason.as_bytes());
    Ok(class.new_instance((failure.status, reason, ruby.to_symbol(failure.code)))?.into())
}

fn stopped_error(ruby: &Ruby) -> Result<Error, Error> {
    let class: ExceptionClass = oversip_module(ruby)?.const_get("StoppedError")?;
    Ok(Error::new(class, "OverSIP was stopped while the request was pending"))
}
