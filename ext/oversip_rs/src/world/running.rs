//! How a world goes on. The script runs in the thread that steps it, without any lock.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use magnus::{prelude::*, Error, RArray, Ruby, Value};
use oversip::host::{Host, IncomingRequest};
use oversip::simulation::{News, PartyId, ScriptWork, Step};

use super::host::{Work, WorldHost};
use super::locks::lock;
use super::object::RubyWorld;
use crate::{
    classes::dispatcher_module,
    client, dispatcher,
    dispatcher_thread::{Outermost, RubyThread, Standing},
    logging, schedule, text,
};

/// A step under way.
struct UnderWay<'a>(&'a AtomicBool, &'a WorldHost);

impl UnderWay<'_> {
    fn begin<'a>(ruby: &Ruby, this: &'a RubyWorld, host: &'a WorldHost) -> Result<UnderWay<'a>, Error> {
        if this.steps.swap(true, Ordering::Relaxed) {
            let message =
                "the world goes on just now: what a block adds happens in the step that runs the block";
            return Err(text::runtime_error(ruby, message));
        }
        host.turns.begin_step();
        Ok(UnderWay(&this.steps, host))
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
        self.1.turns.end_step();
    }
}

/// `step(limit)`: lets one thing happen, if it does until this time; nil is no limit. What it was: nil for nothing, else the
/// clock stands there; `:happened`, or an Array for the world's user.
pub(super) fn step(ruby: &Ruby, this: RubyWorld, limit: Option<f64>) -> Result<Value, Error> {
    let host = this.host(ruby)?;
    if host.thread != RubyThread::current() {
        let message = "a world goes on in the thread that has opened it";
        return Err(text::runtime_error(ruby, message));
    }
    let limit = limit.map(|seconds| text::seconds_argument(ruby, seconds)).transpose()?;
    let _under_way = UnderWay::begin(ruby, &this, &host)?;
    let _standing = Standing::in_for_dispatcher();
    // There may be many steps, and Ctrl-C or a Timeout has to end them.
    ruby.thread_check_ints()?;
    logging::write_queued(ruby)?;
    let happened = ruby.to_symbol("happened").as_value();
    if let Some(round) = host.round() {
        return run_script(ruby, &host, Work::Round(round)).map(|()| happened);
    }
    let step = host.next(limit);
    logging::write_queued(ruby)?;
    match step {
        Step::Nothing => Ok(ruby.qnil().as_value()),
        Step::Happened => Ok(happened),
        Step::Stuck => {
            let message =
                "time does not go on: blocks or messages follow each other at one instant without end";
            Err(text::runtime_error(ruby, message))
        }
        Step::Script(element, work) => match host.note(work) {
            Some(work) => run_script(ruby, &host, Work::Script(element, work)).map(|()| happened),
            None => Ok(happened),
        },
        Step::Outside(news) => told(ruby, &host, news).map(RArray::as_value),
    }
}

/// Runs an event of the script in a Fiber of its own, as the dispatcher does.
fn run_script(ruby: &Ruby, host: &WorldHost, work: Work) -> Result<(), Error> {
    *lock(&host.event) = Some(work);
    let _: Value = dispatcher_module(ruby).funcall("run_event_of_world", ())?;
    logging::write_queued(ruby)
}

/// `run_event`: runs the event that is due in the calling Fiber.
pub(super) fn run_event(ruby: &Ruby, this: RubyWorld) -> Result<(), Error> {
    let simulated = this.host(ruby)?;
    let host: Arc<dyn Host> = simulated.clone();
    let work = lock(&simulated.event).take();
    let _outermost = Outermost::enter();
    match work {
        None => Ok(()),
        Some(Work::Round(round)) => client::run(ruby, &host, Some(*round)),
        Some(Work::Script(element, work)) => match work {
            ScriptWork::Request(request) => {
                let incoming = IncomingRequest::new(request, Arc::downgrade(&host));
                dispatcher::run_request(ruby, &host, incoming)
            }
            ScriptWork::Round(round) => client::run(ruby, &host, Some(*round)),
            ScriptWork::Timer(key) => schedule::run(ruby, key),
            // No script is asked yet.
            ScriptWork::TlsHandshake { connection, .. } => {
                simulated.world().judge_connection(element, connection, true);
                Ok(())
            }
            ScriptWork::CallEnded(..) | ScriptWork::CallRenumbered(..) | ScriptWork::Released(_) => Ok(()),
        },
    }
}

/// What the user of the world is told.
fn told(ruby: &Ruby, host: &WorldHost, news: News) -> Result<RArray, Error> {
    let list = ruby.ary_new_capa(6);
    let text = |address: SocketAddr| text::utf8(ruby, address.to_string().as_bytes());
    let number = |peer: PartyId| lock(&host.peers).binary_search(&peer).ok();
    match news {
        News::Bytes { peer, source, wire } => {
            list.push(ruby.to_symbol("message"))?;
            list.push(number(peer))?;
            list.push(ruby.to_symbol(source.transport.as_str()))?;
            list.push(text(source.remote))?;
            list.push(text(source.local))?;
            list.push(text::binary(ruby, &wire))?;
        }
        News::ConnectionUp { peer, remote } => {
            list.push(ruby.to_symbol("connection_up"))?;
            list.push(number(peer))?;
            list.push(text(remote))?;
        }
        News::ConnectionEnded { peer, remote } => {
            list.push(ruby.to_symbol("connection_ended"))?;
            list.push(number(peer))?;
            list.push(text(remote))?;
        }
        News::Timer(key) => {
            list.push(ruby.to_symbol("timer"))?;
            list.push(key)?;
        }
    }
    Ok(list)
}

/// `start_timer(seconds, key)`.
pub(super) fn start_timer(ruby: &Ruby, this: RubyWorld, seconds: f64, key: u64) -> Result<(), Error> {
    let after = text::seconds_argument(ruby, seconds)?;
    this.host(ruby)?.world().start_timer(after, key);
    Ok(())
}
