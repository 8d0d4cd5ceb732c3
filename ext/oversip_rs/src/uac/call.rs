//! `Uac#call`: sends a request and waits for its final response.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use magnus::{
    prelude::*,
    scan_args::{get_kwargs, scan_args},
    Error, ExceptionClass, RHash, RModule, Ruby, Value,
};
use oversip::client::digest::Credentials;
use oversip::client::Failure;
use oversip::element::Outcome;
use oversip::engine::Engine;
use oversip::host::{Call, Clients, Host, StoredProfile};
use oversip::message::Method;

use super::route::ask;
use crate::{
    classes::oversip_module,
    client::RubyClient,
    destination::RouteArguments,
    dispatcher_thread,
    gvl::{without_gvl, SIGNAL_INTERVAL},
    message::ResponseObject,
    request, runtime, text, world,
};

/// `call(request, dst_host = nil, dst_port = nil, dst_transport = nil, timeout: nil)`.
pub(super) fn call(ruby: &Ruby, this: RubyClient, args: &[Value]) -> Result<Value, Error> {
    if dispatcher_thread::is_current() {
        let message = "Uac#call waits for the response, and the dispatcher thread must not wait: use Uac#route and its \
                       callbacks here";
        return Err(text::runtime_error(ruby, message));
    }
    let args = scan_args::<(Value,), (Option<Value>, Option<Value>, Option<Value>), (), (), RHash, ()>(args)?;
    let keywords = get_kwargs::<_, (), (Option<Value>,), ()>(args.keywords, &[], &["timeout"])?;
    let limit = keywords.optional.0.filter(|value| !value.is_nil()).map(|value| seconds(ruby, value));
    let arguments = RouteArguments::new(ruby, args.required.0, args.optional)?;
    let (host, engine) = (runtime::host(ruby)?, runtime::current());
    let pending = Call::new(limit.transpose()?);
    let ask = ask(ruby, this, arguments, Some(pending.clone()))?;
    if ask.request.method == Method::Ack {
        return Err(text::runtime_error(
            ruby,
            "an ACK has no response to wait for: use Uac#route or Uac#ack",
        ));
    }
    let waiting = Waiting {
        engine,
        host: &host,
        this,
        call: pending,
        profile: ask.profile.clone(),
        method: ask.request.method.clone(),
        ruri: ask.request.ruri.clone(),
        credentials: ask.credentials.clone(),
        taken: Cell::new(false),
    };
    // No other `route` runs here, and it begins without blocks of this thread's.
    Clients(&host).route(ask).map_err(|error| text::runtime_error(ruby, error.to_string()))?;
    let outcome = waiting.outcome(ruby)?;
    let request = args.required.0;
    if let Some(cseq) = waiting.call.cseq() {
        request::show_cseq(ruby, request, cseq)?;
    }
    match outcome {
        Outcome::Response(message) => {
            waiting.taken.set(true);
            Ok(ResponseObject::from_network(ruby, message, request, false).as_value())
        }
        Outcome::Failed(failure) => Err(client_error(ruby, &failure)?),
        Outcome::Stopped => {
            Err(text::runtime_error(ruby, "OverSIP was stopped while the request was pending"))
        }
    }
}

/// A call under way. Whatever ends the wait before its time, such as Thread#kill, gives the request up; a call that was answered
/// by then is ended, since nobody else has its response.
struct Waiting<'a> {
    /// `None`: a world is open.
    engine: Option<Arc<Engine>>,
    host: &'a Arc<dyn Host>,
    this: RubyClient,
    call: Arc<Call>,
    profile: StoredProfile,
    method: Method,
    ruri: Bytes,
    credentials: Vec<Credentials>,
    /// The script gets the response.
    taken: Cell<bool>,
}

impl Waiting<'_> {
    /// Ruby is looked after in between: a signal reaches a thread that waits without the GVL only if some other thread happens
    /// to watch for it. So is the end of the engine: it does not wait for the answer, the thread must not wait either.
    fn outcome(&self, ruby: &Ruby) -> Result<Outcome, Error> {
        let Some(engine) = &self.engine else {
            let (method, ruri) = (self.method.as_bytes(), &self.ruri);
            let [method, ruri] = [method, ruri].map(String::from_utf8_lossy);
            return world::outcome(ruby, &self.call, &format!("the {method} to {ruri}"));
        };
        loop {
            let outcome = without_gvl(ruby, || self.call.wait(SIGNAL_INTERVAL), || self.call.interrupt())?;
            if let Some(outcome) = outcome {
                return Ok(outcome);
            }
            if engine.is_stopping() {
                return Ok(Outcome::Stopped);
            }
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let clients = Clients(self.host);
        if self.taken.get() || clients.give_up(self.this.shared(), &self.call) {
            return;
        }
        // Nobody else tells it while a world is open.
        let limit = self.engine.as_ref().map_or(Duration::ZERO, |_| SIGNAL_INTERVAL);
        if let Some(Outcome::Response(response)) = self.call.end(limit) {
            clients.hang_up(&self.profile, &response, &self.ruri, self.credentials.clone());
        }
    }
}

fn seconds(ruby: &Ruby, value: Value) -> Result<Duration, Error> {
    let given = f64::try_convert(value)
        .map_err(|_| text::unfit(ruby.exception_type_error(), "timeout", "a number of seconds", value))?;
    let limit = text::duration(given).filter(|limit| !limit.is_zero());
    limit.ok_or_else(|| {
        text::unfit(
            ruby.exception_arg_error(),
            "timeout",
            "a positive number of seconds, at most 1000000000",
            value,
        )
    })
}

/// `OverSIP::SIP::ClientError`.
fn client_error(ruby: &Ruby, failure: &Failure) -> Result<Error, Error> {
    let sip: RModule = oversip_module(ruby)?.const_get("SIP")?;
    let class: ExceptionClass = sip.const_get("ClientError")?;
    let reason = text::utf8(ruby, failure.reason.as_bytes());
    Ok(class.new_instance((failure.status, reason, ruby.to_symbol(failure.code)))?.into())
}
