//! `OverSIP::Engine::World`: a script on a simulated network, in the calling thread. No socket is opened.

mod arguments;
mod calls;
mod happenings;
mod host;
mod links;
mod locks;
mod network;
mod object;
mod peers;
mod record;
mod running;
mod turns;

pub use calls::outcome;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Mutex;

use magnus::{function, method, prelude::*, Error, RArray, RHash, RModule, Ruby, Value};
use oversip::host::Host;

use self::host::WorldHost;
use self::locks::lock;
use self::object::{Open, RubyWorld, World};
use crate::{
    anchors, classes::dispatcher_module, dispatcher_thread, listeners, logging, runtime, schedule, tags, text,
};

/// `open_world(options, seed)`: no engine may run, and none can be started until it is closed.
fn open_world(ruby: &Ruby, options: RHash, seed: u64) -> Result<RubyWorld, Error> {
    if runtime::is_simulating() {
        return Err(text::runtime_error(
            ruby,
            "a world is open already: close it before another one is opened",
        ));
    }
    if runtime::current_host().is_some() {
        return Err(text::runtime_error(ruby, "OverSIP runs: a world can be opened when it has stopped"));
    }
    anchors::reset();
    dispatcher_thread::keep_native_thread();
    logging::begin();
    let marks = tags::Seeded::new(seed);
    let host = WorldHost::new(ruby, options, seed)?;
    let open = Mutex::new(Some(Open { host: host.clone(), _marks: marks }));
    let world = ruby.obj_wrap(World { open, steps: AtomicBool::default() });
    let _: Value = dispatcher_module(ruby).funcall("enter_world", (world,))?;
    calls::keep(ruby, Some(world))?;
    runtime::simulate(host);
    Ok(world)
}

/// `close`: nothing of it is left. Once more it does nothing.
fn close(ruby: &Ruby, this: RubyWorld) -> Result<(), Error> {
    if this.steps.load(Ordering::Relaxed) {
        return Err(text::runtime_error(ruby, "the world goes on just now: it cannot be closed in a block"));
    }
    let Some(open) = lock(&this.open).take() else { return Ok(()) };
    if !open.host.is_here() {
        // It is the parent's, and so are its locks.
        std::mem::forget(open);
        return Ok(());
    }
    runtime::set(None);
    open.host.end();
    let told = schedule::forget(ruby);
    anchors::release_all();
    drop(open);
    calls::keep(ruby, None)?;
    let _: Value = dispatcher_module(ruby).funcall("leave_world", ())?;
    logging::write_queued(ruby)?;
    told
}

/// `open?`
fn is_open(this: RubyWorld) -> bool {
    lock(&this.open).as_ref().is_some_and(|open| open.host.is_here())
}

/// `listeners`: where the element listens, as `Engine.start` says it.
fn element_listeners(ruby: &Ruby, this: RubyWorld) -> Result<RArray, Error> {
    let host = this.host(ruby)?;
    listeners::list(ruby, &host.listening, host.settings().listeners.names())
}

/// `stop`: what waits for an answer gets one, as at the end of a server.
fn stop(ruby: &Ruby, this: RubyWorld) -> Result<(), Error> {
    let host = this.host(ruby)?;
    host.world().stop(host.element);
    Ok(())
}

/// Defines the class, and the entry, which is private.
pub fn define(ruby: &Ruby, oversip: RModule) -> Result<(), Error> {
    let engine = oversip.define_module("Engine")?;
    let class = engine.define_class("World", ruby.class_object())?;
    class.undef_default_alloc_func();
    class.define_method("close", method!(close, 0))?;
    class.define_method("stop", method!(stop, 0))?;
    class.define_method("open?", method!(|_: &Ruby, this: RubyWorld| is_open(this), 0))?;
    class.define_method("listeners", method!(element_listeners, 0))?;
    class.define_method("driver=", method!(calls::set_driver, 1))?;
    class.define_method("step", method!(running::step, 1))?;
    class.define_method("run_event", method!(running::run_event, 0))?;
    class.define_method("start_timer", method!(running::start_timer, 2))?;
    class.define_method("now", method!(record::now, 0))?;
    class.define_method("entries", method!(record::entries, 1))?;
    class.define_method("happenings", method!(happenings::happenings, 1))?;
    class.define_method("blacklist", method!(happenings::blacklist, 0))?;
    class.define_method("openings", method!(record::openings, 1))?;
    class.define_method("add_peer", method!(peers::add_peer, 3))?;
    class.define_method("send_bytes", method!(peers::send_bytes, 3))?;
    class.define_method("connect", method!(peers::connect, -1))?;
    class.define_method("upgrade", method!(peers::upgrade, -1))?;
    class.define_method("show_certificates", method!(peers::show_certificates, 2))?;
    class.define_method("date=", method!(peers::set_date, 1))?;
    class.define_method("disconnect", method!(peers::disconnect, 2))?;
    class.define_method("finish", method!(peers::finish, 2))?;
    class.define_method("stall", method!(peers::stall, 2))?;
    class.define_method("unstall", method!(peers::unstall, 2))?;
    class.define_method("add_record", method!(network::add_record, -1))?;
    class.define_method("remove_records", method!(network::remove_records, 1))?;
    class.define_method("trouble", method!(network::trouble, 2))?;
    class.define_method("dns_delay", method!(network::dns_delay, 1))?;
    class.define_method("dns_ttl", method!(network::dns_ttl, 1))?;
    class.define_method("set_conditions", method!(network::set_conditions, -1))?;
    class.define_method("seed=", method!(network::set_seed, 1))?;
    class.define_method("cut_off", method!(network::cut_off, 2))?;
    class.define_method("restore", method!(network::restore, 1))?;
    engine.define_singleton_method("world_open?", function!(runtime::is_simulating, 0))?;
    engine.singleton_class()?.define_private_method("open_world", function!(open_world, 2))
}
