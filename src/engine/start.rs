//! Setting an engine up: sockets first, so that an address in use is the caller's error, then the thread.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::mpsc::{sync_channel, SyncSender};
use std::sync::{Arc, Mutex};

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle};

use super::advances::Advances;
use super::clock::EngineClock;
use super::config::{Config, StartError, MAX_CONNECTIONS};
use super::dns::{Lookup, NameServer};
use super::driver::Driver;
use super::log;
use super::monitor::RubyQuestions;
use super::network::Network;
use super::observers::Observers;
use super::random::system_random;
use super::run::{Command, Loop};
use super::running::{Engine, MonitorPlace};
use crate::client::{DialogKey, FlowTokenKey, ListenerAliases, ListenerNames, LocalAliases, ProcessTags};
use crate::element::{Listener, Listeners, Settings};
use crate::host::lock;
use crate::random::Random;
use crate::transaction::Timings;
use crate::transport::{bind_all, Bound, Options, Tls, Transport, TransportLayer};

/// Transport events that may wait for the engine; beyond it the readers wait.
const EVENT_QUEUE: usize = 1024;

/// Tells the elements of a process apart.
static NEXT_ELEMENT: AtomicU16 = AtomicU16::new(0);

impl Engine {
    /// Binds the listeners and starts the engine's thread. When it returns the listeners are served; new requests are
    /// answered as [`Status::Loading`](crate::element::Status::Loading) says.
    ///
    /// # Errors
    ///
    /// A listener cannot be opened, a key or certificate cannot be used, or the system refuses a thread.
    pub fn start(config: Config) -> Result<Arc<Engine>, StartError> {
        start(config)
    }
}

fn start(config: Config) -> Result<Arc<Engine>, StartError> {
    let tls = Arc::new(Tls::new(&config.tls)?);
    let mut bound = bind_all(&config.listeners)?;
    let listening: Vec<(Transport, SocketAddr)> =
        bound.iter().map(|socket| (socket.transport, socket.local)).collect();
    bound.extend(bind_all(&config.tunnels)?.into_iter().map(Bound::behind_proxy));
    let clock = Arc::new(EngineClock::default());
    let element = NEXT_ELEMENT.fetch_add(1, Ordering::Relaxed);
    let settings = settings(&config, &listening, element, &mut system_random())?;
    let observers = Observers::new(&config, clock.clone());
    let driver = Driver::new(settings, clock.clone(), lookup(&config, clock), observers, config.process);
    let (commands, command_queue) = mpsc::unbounded_channel();
    let (monitor, questions) = (MonitorPlace::default(), Arc::new(RubyQuestions::default()));
    let (ready, is_ready) = sync_channel(1);
    let serving_tls = tls.clone();
    let thread = std::thread::Builder::new().name("oversip-engine".into()).spawn({
        let (driver, monitor, questions) = (driver.clone(), monitor.clone(), questions.clone());
        move || {
            let _speaks = log::speak_for(&driver);
            let begun = begin(&config, &driver, serving_tls, bound, command_queue);
            let ended = match begun {
                Ok(ended) => ended,
                Err(error) => return drop(ready.send(Err(error))),
            };
            let _ = ready.send(Ok(()));
            let runtime = driver.drive.stand_by();
            let stopped = runtime.as_ref().and_then(|runtime| whom_to_tell(runtime.block_on(ended)));
            drop(runtime);
            driver.end();
            questions.close();
            let former = lock(&monitor).take();
            // It joins its thread: not under the lock.
            drop(former);
            if let Some(stopped) = stopped {
                let _ = stopped.send(());
            }
        }
    })?;
    is_ready.recv().map_err(|_| std::io::Error::other("the engine's thread ended before it was ready"))??;
    let thread = Mutex::new(Some(thread));
    let stopping = AtomicBool::new(false);
    let host = driver.clone();
    Ok(Arc::new(Engine { driver, host, listening, commands, tls, thread, stopping, monitor, questions }))
}

/// What an element is made with that listens at these addresses, whoever runs it. `element` tells the elements of a process
/// apart; marks and keys that the configuration does not give are drawn from `random`.
///
/// # Errors
///
/// The flow token key is too short.
pub fn settings(
    config: &Config,
    listening: &[(Transport, SocketAddr)],
    element: u16,
    random: &mut Random,
) -> Result<Settings, StartError> {
    let (flow_tokens, dialog_key) = match &config.flow_token_key {
        Some(key) => (FlowTokenKey::from_bytes(key.as_bytes())?, DialogKey::from_bytes(key.as_bytes())?),
        None => (FlowTokenKey::random(random), DialogKey::random(random)),
    };
    let tags = config.tags.clone().unwrap_or_else(|| ProcessTags::random(random));
    Ok(Settings {
        element,
        timings: Timings::default(),
        aliases: aliases(config, listening),
        listeners: Listeners::new(named_listeners(config, listening, tags.ovid())),
        tags,
        flow_tokens,
        dialog_key,
        require_own_route: config.require_own_route,
        accept_unsigned_flow_tokens: config.accept_unsigned_flow_tokens,
        product: config.product.clone(),
        limits: config.limits,
        sending: config.sending,
    })
}

/// Serves the listeners, and makes the loop, which runs from then on whenever a thread runs it. Ends with whom to tell of its end.
fn begin(
    config: &Config,
    driver: &Arc<Driver>,
    tls: Arc<Tls>,
    bound: Vec<Bound>,
    commands: mpsc::UnboundedReceiver<Command>,
) -> std::io::Result<JoinHandle<Option<SyncSender<()>>>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let within = runtime.enter();
    let (events, event_queue) = mpsc::channel(EVENT_QUEUE);
    let news = events.downgrade();
    let layer = serve(config, driver, tls, bound, events)?;
    let _ = driver.runtime.set(Handle::current());
    let _ = driver.news.set(news);
    driver.network.set(Network::new(layer, driver.settings.clone(), config.opening));
    let turns = Loop { driver: driver.clone(), advances: Advances::default(), stopping: None };
    let ends = Ends(driver.clone());
    let ended = runtime.spawn(async move {
        let _ends = ends;
        turns.run(commands, event_queue).await
    });
    drop(within);
    driver.drive.begin(runtime);
    Ok(ended)
}

/// Whom to tell of the loop's end. A loop that has panicked takes that along, so that they wait no longer either.
fn whom_to_tell(ended: Result<Option<SyncSender<()>>, JoinError>) -> Option<SyncSender<()>> {
    ended.unwrap_or_else(|error| {
        tracing::error!(target: "oversip::engine", "a defect: the engine has ended, its loop panicked ({error})");
        None
    })
}

/// Says that the loop has ended, however it has.
struct Ends(Arc<Driver>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.drive.loop_has_ended();
        self.0.events.interrupt();
    }
}

fn serve(
    config: &Config,
    driver: &Arc<Driver>,
    tls: Arc<Tls>,
    bound: Vec<Bound>,
    events: mpsc::Sender<crate::transport::TransportEvent>,
) -> std::io::Result<TransportLayer> {
    let options = Options {
        max_body_size: config.max_body_size,
        max_outgoing_bytes: config.outgoing_bytes,
        max_connections: MAX_CONNECTIONS,
        tcp_keepalive: config.tcp_keepalive,
        ws_limits: config.websocket.limits,
        ws_keepalive: config.websocket.keepalive,
        tls: Some(tls),
        client_certificates: config.client_certificates,
        websocket_client_certificates: config.websocket_client_certificates,
        malformed: driver.counts.malformed(),
    };
    TransportLayer::start(bound, options, driver.clock.clone(), events)
}

fn lookup(config: &Config, clock: Arc<EngineClock>) -> Option<Lookup> {
    let servers: Vec<NameServer> = config.nameservers.iter().copied().map(NameServer).collect();
    let lookup = match servers.is_empty() {
        true => Lookup::system(clock),
        false => Lookup::with_name_servers(&servers, clock),
    };
    lookup
        .inspect_err(|error| tracing::warn!(target: "oversip::dns", "names cannot be resolved: {error}"))
        .ok()
}

fn advertised(config: &Config, transport: Transport, local: SocketAddr) -> Option<&str> {
    let websocket = &config.websocket;
    let address = match (transport.websocket(), local.is_ipv4()) {
        (false, true) => &config.advertised_ipv4,
        (false, false) => &config.advertised_ipv6,
        (true, true) => &websocket.advertised_ipv4,
        (true, false) => &websocket.advertised_ipv6,
    };
    address.as_deref()
}

fn tls_hostname(config: &Config, local: SocketAddr) -> Option<&str> {
    if local.is_ipv4() {
        config.tls_hostname_ipv4.as_deref()
    } else {
        config.tls_hostname_ipv6.as_deref()
    }
}

fn named_listeners(config: &Config, listening: &[(Transport, SocketAddr)], ovid: &str) -> Vec<Listener> {
    let name = |&(transport, local): &(Transport, SocketAddr)| {
        let own = local.ip().to_string();
        let hostname = if transport.secure() { tls_hostname(config, local) } else { None };
        let host = hostname.or_else(|| advertised(config, transport, local)).unwrap_or(&own);
        Listener { transport, local, names: ListenerNames::new(transport, host, local.port(), ovid) }
    };
    listening.iter().map(name).collect()
}

fn aliases(config: &Config, listening: &[(Transport, SocketAddr)]) -> LocalAliases {
    let hosts = [false, true].map(|websocket| alias_hosts(config, listening, websocket));
    let [sip, websocket] = [false, true].map(|websocket| {
        let port_of = |secure| {
            let listener = listening.iter().find(|(t, _)| t.websocket() == websocket && t.secure() == secure);
            listener.map(|(_, local)| local.port())
        };
        ListenerAliases {
            hosts: hosts[usize::from(websocket)].iter().map(String::as_str).collect(),
            port: port_of(false),
            tls_port: port_of(true),
        }
    });
    let domains: Vec<&str> = config.local_domains.iter().map(String::as_str).collect();
    LocalAliases::new(&domains, &sip, &websocket)
}

/// The hosts by which SIP listeners, or those for WebSocket, are known.
fn alias_hosts(config: &Config, listening: &[(Transport, SocketAddr)], websocket: bool) -> Vec<String> {
    let mut hosts: Vec<String> = Vec::new();
    for (transport, local) in listening.iter().filter(|(transport, _)| transport.websocket() == websocket) {
        hosts.push(local.ip().to_string());
        hosts.extend(advertised(config, *transport, *local).map(str::to_owned));
        hosts.extend(tls_hostname(config, *local).map(str::to_owned));
    }
    hosts.sort();
    hosts.dedup();
    hosts
}
