//! `OverSIP::SIP::Client`: lists of blocks, and the rounds in which they run.

use std::cell::{Cell, OnceCell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use magnus::{
    error::ErrorType,
    gc::Marker,
    method,
    prelude::*,
    scan_args::scan_args,
    typed_data::{DataType, DataTypeBuilder, DataTypeFunctions, Obj},
    value::Lazy,
    Error, Exception, RArray, RClass, RHash, RModule, Ruby, Symbol, TypedData, Value,
};
use oversip::client::session::{Callback, CallbackClass, Kind, Round};
use oversip::client::{Failure, IncomingResponse, Target};
use oversip::engine::{ClientShared, Engine, Progress, Route};

use crate::{anchors::Anchor, dispatcher, message, profile, request, response, runtime, slot::Slot, text};

/// Bounds of the life of a blacklist entry, seconds.
const BLACKLIST_TIMEOUT: std::ops::RangeInclusive<i64> = 2..=600;

/// The responses that a blacklisted target may stand for.
const BLACKLIST_STATUS: std::ops::RangeInclusive<u16> = 300..=699;

/// The state of a `Client`.
#[derive(Default)]
pub struct ClientObject {
    shared: OnceCell<Arc<ClientShared>>,
    lists: [Slot; 7],
    profile: Slot,
    request: Slot,
    target: Slot,
    /// The target whose Struct is in `target`.
    shown_target: RefCell<Option<Target>>,
    /// For each event of this Client that is being run, innermost last: whether `drop_response` was called in it.
    events: RefCell<Vec<bool>>,
    ready: Cell<bool>,
}

impl DataTypeFunctions for ClientObject {
    fn mark(&self, marker: &Marker) {
        for slot in self.lists.iter().chain([&self.profile, &self.request, &self.target]) {
            slot.mark(marker);
        }
    }
}

// SAFETY: instances are made by the allocator only; every slot is marked, freed without calling Ruby, and written through
// `Slot::set`, which carries the write barrier.
unsafe impl TypedData for ClientObject {
    fn class(ruby: &Ruby) -> RClass {
        static CLASS: Lazy<RClass> = Lazy::new(|ruby| crate::uri::sip_class(ruby, "Client"));
        ruby.get_inner(&CLASS)
    }

    fn data_type() -> &'static DataType {
        static DATA_TYPE: DataType = DataTypeBuilder::<ClientObject>::new(c"OverSIP::SIP::Client")
            .mark()
            .free_immediately()
            .wb_protected()
            .build();
        &DATA_TYPE
    }
}

/// A `Client` as a method gets it.
pub type This = Obj<ClientObject>;

impl ClientObject {
    /// What the engine sees of this Client.
    pub fn shared(&self) -> &Arc<ClientShared> {
        self.shared.get_or_init(|| Arc::new(ClientShared::new()))
    }

    /// Raises unless `initialize` ran: a subclass may have forgotten `super`.
    pub fn profile_hash(&self, ruby: &Ruby) -> Result<RHash, Error> {
        let hash = self.profile.get(ruby).and_then(RHash::from_value).filter(|_| self.ready.get());
        hash.ok_or_else(|| {
            text::runtime_error(ruby, "the Client has no proxy profile: its initialize must call super")
        })
    }

    /// Remembers what `request` answers.
    pub fn set_request(this: This, request: Value) {
        this.request.set(this, request);
    }

    /// `drop_response`: for the event that is being run, else for the next response.
    pub fn drop_response(&self) {
        match self.events.borrow_mut().last_mut() {
            Some(dropped) => *dropped = true,
            None => self.shared().drop_next_response(),
        }
    }
}

fn initialize(ruby: &Ruby, this: This, args: &[Value]) -> Result<(), Error> {
    let args = scan_args::<(), (Option<Value>,), (), (), (), ()>(args)?;
    let name: Symbol = match args.optional.0 {
        None => ruby.to_symbol("default_proxy"),
        Some(name) if name.respond_to("to_sym", false)? => name.funcall("to_sym", ())?,
        Some(name) => {
            let message = format!("proxy profile must be a Symbol or String, not {}", name.inspect());
            return Err(Error::new(ruby.exception_type_error(), message));
        }
    };
    let proxies: Value = text::oversip_module(ruby)?.funcall("proxies", ())?;
    let profile = RHash::from_value(proxies).and_then(|proxies| proxies.get(name));
    let Some(profile) = profile.and_then(RHash::from_value) else {
        return Err(text::runtime_error(ruby, format!("proxy profile '{}' is not defined", name.name()?)));
    };
    this.profile.set(this, profile);
    this.ready.set(true);
    Ok(())
}

fn class_of(number: u8) -> CallbackClass {
    CallbackClass::ALL[number as usize]
}

/// `on_NAME { |...| }`: appends a block.
fn on<const CLASS: u8>(ruby: &Ruby, this: This) -> Result<(), Error> {
    if !ruby.block_given() {
        return Err(Error::new(ruby.exception_arg_error(), "no block given"));
    }
    let block = ruby.block_proc()?;
    let slot = &this.lists[CLASS as usize];
    let list = match slot.get(ruby).and_then(RArray::from_value) {
        Some(list) => list,
        None => {
            let list = ruby.ary_new();
            slot.set(this, list);
            list
        }
    };
    list.push(block)?;
    this.shared().set_callbacks(class_of(CLASS), true);
    Ok(())
}

/// `clear_on_NAME`.
fn clear<const CLASS: u8>(ruby: &Ruby, this: This) -> Result<(), Error> {
    this.shared().set_callbacks(class_of(CLASS), false);
    if let Some(list) = this.lists[CLASS as usize].get(ruby).and_then(RArray::from_value) {
        // In place: a round that is running over the list ends with it.
        list.clear()?;
    }
    Ok(())
}

fn clear_callbacks(ruby: &Ruby, this: This) -> Result<(), Error> {
    clear::<0>(ruby, this)?;
    clear::<1>(ruby, this)?;
    clear::<2>(ruby, this)?;
    clear::<3>(ruby, this)?;
    clear::<4>(ruby, this)?;
    clear::<5>(ruby, this)?;
    clear::<6>(ruby, this)
}

fn abort_routing(this: This) -> bool {
    this.shared().abort_routing();
    true
}

fn request(ruby: &Ruby, this: This) -> Value {
    this.request.get_or_nil(ruby)
}

fn current_target(ruby: &Ruby, this: This) -> Result<Value, Error> {
    let Some(target) = this.shared().current_target() else { return Ok(ruby.qnil().as_value()) };
    if this.shown_target.borrow().as_ref() == Some(&target) {
        return Ok(this.target.get_or_nil(ruby));
    }
    let object = target_struct(ruby, &target)?;
    this.target.set(this, object);
    *this.shown_target.borrow_mut() = Some(target);
    Ok(object)
}

fn target_struct(ruby: &Ruby, target: &Target) -> Result<Value, Error> {
    let sip: RModule = text::oversip_module(ruby)?.const_get("SIP")?;
    let rfc3263: RModule = sip.const_get("RFC3263")?;
    let class: RClass = rfc3263.const_get("Target")?;
    let ip = ruby.str_new(&target.ip_text());
    let arguments = (
        ruby.to_symbol(target.transport.as_str()),
        ip,
        ruby.to_symbol(target.family().as_str()),
        target.port(),
    );
    class.funcall("new", arguments)
}

fn add_target_to_blacklist(ruby: &Ruby, this: This, args: &[Value]) -> Result<bool, Error> {
    let args = scan_args::<(), (Option<Value>, Option<i64>, Option<Value>), (), (), (), ()>(args)?;
    let (timeout, status, reason) = args.optional;
    let Some(target) = this.shared().current_target() else { return Ok(false) };
    let profile = profile::read(ruby, this.profile_hash(ruby)?)?;
    let ttl = match timeout.filter(|timeout| !timeout.is_nil()) {
        None => profile.blacklist_time,
        Some(timeout) => blacklist_time(ruby, timeout)?,
    };
    let status = u16::try_from(status.unwrap_or(403)).ok().filter(|status| BLACKLIST_STATUS.contains(status));
    let status =
        status.ok_or_else(|| text::runtime_error(ruby, "status_code must be between 300 and 699"))?;
    let reason = match reason.filter(|reason| !reason.is_nil()) {
        None => "Destination Blacklisted".to_owned(),
        Some(reason) => String::from_utf8_lossy(&text::text_of(reason)?).into_owned(),
    };
    let failure = Failure::destination_blacklisted(status, reason);
    let now = runtime::current().map_or_else(std::time::Instant::now, |engine| engine.now());
    profile.blacklist.add(now, &target.to_string(), failure, ttl);
    Ok(true)
}

/// The time that a script gives, cut to whole seconds as `to_i` does.
fn blacklist_time(ruby: &Ruby, timeout: Value) -> Result<Duration, Error> {
    if !timeout.respond_to("to_i", false)? {
        let message = format!("timeout must be a number of seconds, not {}", timeout.inspect());
        return Err(Error::new(ruby.exception_type_error(), message));
    }
    // Infinity has no `to_i`, and a huge number does not fit.
    let seconds = timeout.funcall::<_, _, i64>("to_i", ()).ok().filter(|s| BLACKLIST_TIMEOUT.contains(s));
    match seconds {
        Some(seconds) => Ok(Duration::from_secs(seconds.unsigned_abs())),
        None => Err(text::runtime_error(ruby, "timeout must be between 2 and 600 seconds")),
    }
}

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
                run_round(ruby, self.engine, route)?;
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
    if dispatcher::is_current() {
        flight.run(ruby)?;
    }
    Ok(())
}

/// Runs the callbacks that a route came for.
pub fn resume(ruby: &Ruby, engine: &Engine, route: Box<Route>) -> Result<(), Error> {
    Flight { engine, route: Some(route), fresh: false }.run(ruby)
}

/// Runs the blocks of the callback that the route waits for and tells it how they ended.
fn run_round(ruby: &Ruby, engine: &Engine, route: &mut Route) -> Result<(), Error> {
    let held = route.anchor().downcast_ref::<Anchor>().and_then(|anchor| anchor.values(ruby));
    let client = held.and_then(|(client, _)| This::try_convert(client).ok());
    let (Some((_, request)), Some(client), Some(callback)) = (held, client, route.callback().cloned()) else {
        route.callback_done(engine.now(), Round::default(), None, None);
        return Ok(());
    };
    // An event that sends nothing upstream leaves a flag set outside to the response that follows.
    let dropped = route.answers() && client.shared().take_drop();
    client.events.borrow_mut().push(dropped);
    let (result, response) = match arguments(ruby, route, &callback, client, request) {
        Ok(arguments) => (run_blocks(ruby, client, callback.class(), &arguments), arguments.response),
        Err(error) => (Err(error), None),
    };
    let dropped = client.events.borrow_mut().pop().unwrap_or(false);
    let restore = || request::from_value(request).map(request::restore_headers).unwrap_or_default();
    let sent = request::snapshot_of(ruby, request).ok().map(|sent| (sent, restore()));
    let edited = response
        .filter(|_| route.kind() == Kind::Proxy)
        .and_then(|response| response::snapshot(ruby, response).ok());
    route.callback_done(engine.now(), Round { dropped, aborted: false }, sent, edited);
    result
}

/// What the blocks of a round are called with. An array and no `Vec`: the GC finds values on the stack, not those that
/// only memory of Rust's heap refers to.
struct Arguments {
    values: [Value; 3],
    count: usize,
    /// The Response among them.
    response: Option<message::This>,
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
    client: This,
    request: Value,
) -> Result<Arguments, Error> {
    let response = |message: &Arc<IncomingResponse>, status: Option<u16>| {
        let object = response::wrap(ruby, message.clone(), request, route.kind() == Kind::Proxy);
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
/// thread ends the round.
fn run_blocks(ruby: &Ruby, client: This, class: CallbackClass, arguments: &Arguments) -> Result<(), Error> {
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
    let _: Value = dispatcher::dispatcher_module(ruby)?.funcall("callback_failed", (exception, name))?;
    Ok(())
}

fn is_fatal(ruby: &Ruby, exception: Exception) -> bool {
    exception.is_kind_of(ruby.exception_system_exit())
        || exception.is_kind_of(ruby.exception_signal())
        || exception.is_kind_of(ruby.exception_no_mem_error())
}

fn inspect(ruby: &Ruby, this: This) -> Result<String, Error> {
    let class: Value = this.funcall("class", ())?;
    let profile = this.profile.get(ruby).and_then(RHash::from_value);
    let name = profile.and_then(|profile| profile.get(ruby.to_symbol("name")));
    Ok(format!("#<{class} profile={}>", name.map_or_else(|| "none".to_owned(), |name| name.to_string())))
}

/// Defines `Client`.
pub fn define(ruby: &Ruby, sip: RModule) -> Result<RClass, Error> {
    let class = sip.define_class("Client", ruby.class_object())?;
    class.define_alloc_func::<ClientObject>();
    let logger: RModule = text::oversip_module(ruby)?.const_get("Logger")?;
    class.include_module(logger)?;
    class.define_method("initialize", method!(initialize, -1))?;
    class.define_method("on_provisional_response", method!(on::<0>, 0))?;
    class.define_method("on_success_response", method!(on::<1>, 0))?;
    class.define_method("on_failure_response", method!(on::<2>, 0))?;
    class.define_method("on_canceled", method!(on::<3>, 0))?;
    class.define_method("on_invite_timeout", method!(on::<4>, 0))?;
    class.define_method("on_error", method!(on::<5>, 0))?;
    class.define_method("on_target", method!(on::<6>, 0))?;
    class.define_method("clear_on_provisional_response", method!(clear::<0>, 0))?;
    class.define_method("clear_on_success_response", method!(clear::<1>, 0))?;
    class.define_method("clear_on_failure_response", method!(clear::<2>, 0))?;
    class.define_method("clear_on_canceled", method!(clear::<3>, 0))?;
    class.define_method("clear_on_invite_timeout", method!(clear::<4>, 0))?;
    class.define_method("clear_on_error", method!(clear::<5>, 0))?;
    class.define_method("clear_on_target", method!(clear::<6>, 0))?;
    class.define_method("clear_callbacks", method!(clear_callbacks, 0))?;
    class.define_method("abort_routing", method!(abort_routing, 0))?;
    class.define_method("add_target_to_blacklist", method!(add_target_to_blacklist, -1))?;
    class.define_method("request", method!(request, 0))?;
    class.define_method("current_target", method!(current_target, 0))?;
    class.define_method("inspect", method!(inspect, 0))?;
    Ok(class)
}
