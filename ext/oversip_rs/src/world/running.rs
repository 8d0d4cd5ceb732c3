//! How a world goes on. The script runs in the thread that steps it, without any lock.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use magnus::{prelude::*, Error, RArray, RHash, Ruby, Value};
use oversip::engine::{upgrade_refusal, Subject, TlsHandshake, UpgradeRequest};
use oversip::host::{Host, IncomingRequest};
use oversip::message::{ConnectionId, Source};
use oversip::simulation::{News, PartyId, ScriptWork, Step};
use oversip::transport::ws::{HeadProgress, HeadReader};

use super::host::{Work, WorldHost};
use super::locks::lock;
use super::object::RubyWorld;
use crate::{
    classes::dispatcher_module,
    client, dispatcher,
    dispatcher_thread::{Outermost, RubyThread, Standing},
    links::Links,
    logging,
    running_event::Run,
    schedule, text, tls, websocket,
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
    let Some(work) = work else { return Ok(()) };
    let _outermost = Outermost::enter();
    let _running = Run::begin(host.now(), subject(&simulated, &work));
    match work {
        Work::Round(round) => client::run(ruby, &host, Some(*round)),
        Work::Script(element, work) => match work {
            ScriptWork::Request(request) => {
                let incoming = IncomingRequest::new(request, Arc::downgrade(&host));
                dispatcher::run_request(ruby, &host, incoming)
            }
            ScriptWork::Round(round) => client::run(ruby, &host, Some(*round)),
            ScriptWork::Timer(key) => schedule::run(ruby, key),
            ScriptWork::TlsHandshake { connection, certificates } => {
                let source = simulated.world().source(element, connection);
                let handshake = source.map(|source| TlsHandshake { source, certificates });
                handshake.map_or(Ok(()), |handshake| tls::run_handshake(ruby, &*simulated, handshake))
            }
            ScriptWork::Upgrade { connection, head } => upgrade(ruby, &simulated, connection, &head),
            ScriptWork::WebSocketClosed { connection, by_client } => {
                websocket::run_closed(ruby, &*simulated, connection, by_client)
            }
            ScriptWork::CallEnded(..) | ScriptWork::CallRenumbered(..) | ScriptWork::Released(_) => Ok(()),
        },
    }
}

/// What an event is about.
fn subject(host: &WorldHost, work: &Work) -> Subject {
    let (element, work) = match work {
        Work::Round(round) => return Subject::of_round(round),
        Work::Script(element, work) => (*element, work),
    };
    let of = |connection: &ConnectionId, subject: fn(Source) -> Subject| {
        let source = host.world().source(element, *connection);
        source.map_or(Subject::Other("a connection that is gone"), subject)
    };
    match work {
        ScriptWork::Request(request) => Subject::Request { request: request.clone(), routed: false },
        ScriptWork::Round(round) => Subject::of_round(round),
        ScriptWork::Timer(_) => Subject::SCHEDULED,
        ScriptWork::Upgrade { connection, .. } => of(connection, Subject::of_upgrade),
        ScriptWork::TlsHandshake { connection, .. } => of(connection, Subject::of_handshake),
        ScriptWork::WebSocketClosed { .. } => Subject::DISCONNECTION,
        ScriptWork::CallEnded(..) | ScriptWork::CallRenumbered(..) | ScriptWork::Released(_) => {
            Subject::Other("a call")
        }
    }
}

/// A client asks for a WebSocket: what is wrong with the request decides, else the script.
fn upgrade(
    ruby: &Ruby,
    simulated: &Arc<WorldHost>,
    connection: ConnectionId,
    head: &[u8],
) -> Result<(), Error> {
    let Some(source) = simulated.world().source(simulated.element, connection) else { return Ok(()) };
    let HeadProgress::Complete(http) = HeadReader::new().read(head) else {
        simulated.close(connection);
        return Ok(());
    };
    let host: Arc<dyn Host> = simulated.clone();
    let product = &host.settings().product;
    match host.step(|element, _| upgrade_refusal(element, &http)) {
        Some(refusal) => {
            simulated.refuse_upgrade(connection, refusal.response(&http, product));
            Ok(())
        }
        None => {
            let request = UpgradeRequest { source, http: *http };
            websocket::run_upgrade(ruby, &**simulated, product, &request)
        }
    }
}

/// Status and headers of an HTTP answer.
fn http_answer(ruby: &Ruby, response: &[u8]) -> Result<(u16, RHash), Error> {
    let text = String::from_utf8_lossy(response);
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or(0);
    let headers = ruby.hash_new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        headers.aset(name, value)?;
    }
    Ok((status, headers))
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
        News::UpgradeAnswered { peer, remote, response } => {
            let (status, headers) = http_answer(ruby, &response)?;
            list.push(ruby.to_symbol("upgrade_answered"))?;
            list.push(number(peer))?;
            list.push(text(remote))?;
            list.push(status)?;
            list.push(headers)?;
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
