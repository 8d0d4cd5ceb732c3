//! The thread of the monitor, from its sockets to its end.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};
use thiserror::Error;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::calls::{self, CallsPage};
use super::control_socket::{ControlSocket, ControlSocketError};
use super::door::{Door, MonitorSocket};
use super::hosts::Hosts;
use super::kernel::UdpDrops;
use super::page_cache::PageCache;
use super::questions::RubyQuestions;
use super::scene::{Identity, Scene};
use super::serve::accept;
use crate::clock::Clock;
use crate::engine::driver::Driver;
use crate::engine::{log, SystemClock};
use crate::metrics::ScriptMetrics;
use crate::transport::{error_text, Tls};

/// How long answers under way may take when the engine ends.
const GRACE: Duration = Duration::from_millis(200);

/// Connections of a port that may wait to be accepted.
const BACKLOG: i32 = 128;

/// What a monitor is started with.
#[derive(Debug, Clone)]
pub struct MonitorConfig {
    /// What tells this server from others.
    pub identity: Identity,
    /// The path of the control socket; `None` for none.
    pub control_socket: Option<PathBuf>,
    /// Where figures are shown by HTTP. Port 0 takes any that is free.
    pub listen: Vec<SocketAddr>,
    /// Names by which this server may be asked there, beside its addresses and `localhost`.
    pub hosts: Vec<String>,
    /// Whether calls are shown there, and to whom.
    pub calls_page: Option<CallsPage>,
    /// What the script counts.
    pub of_script: Arc<ScriptMetrics>,
}

/// The monitor cannot be started.
#[derive(Debug, Error)]
pub enum MonitorError {
    /// The control socket cannot be opened.
    #[error(transparent)]
    ControlSocket(#[from] ControlSocketError),
    /// A port cannot be opened.
    #[error("metrics cannot be shown on {address}: {}", error_text(.cause))]
    Listen {
        /// Its address.
        address: SocketAddr,
        /// What the system said.
        cause: std::io::Error,
    },
    /// Nothing is shown any more.
    #[error("the engine has ended")]
    Over,
    /// The system refuses a thread or what a thread needs.
    #[error("the monitor cannot be started: {0}")]
    System(#[from] std::io::Error),
}

/// A running monitor; it ends with this.
pub(in crate::engine) struct Monitor {
    listening: Vec<SocketAddr>,
    ending: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Monitor {
    /// Opens the sockets and starts the thread.
    pub(in crate::engine) fn start(
        driver: &Arc<Driver>,
        questions: &Arc<RubyQuestions>,
        tls: &Arc<Tls>,
        config: &MonitorConfig,
    ) -> Result<Monitor, MonitorError> {
        let control = config.control_socket.as_deref().map(ControlSocket::open).transpose()?;
        let ports = config.listen.iter().map(|address| port(*address)).collect::<Result<Vec<_>, _>>()?;
        let listening = ports.iter().map(TcpListener::local_addr).collect::<Result<_, _>>()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (ending, is_ending) = watch::channel(false);
        let scene = Arc::new(Scene {
            driver: driver.clone(),
            questions: questions.clone(),
            tls: tls.clone(),
            of_script: config.of_script.clone(),
            pages: PageCache::default(),
            identity: config.identity.clone(),
            doors: [MonitorSocket::Control, MonitorSocket::Network].map(Door::new),
            hosts: Hosts(config.hosts.clone()),
            calls_page: config.calls_page.clone().map(|guard| Arc::new(calls::OpenPages::new(guard))),
            udp_drops: UdpDrops::default(),
            began_at: SystemClock.date(),
            ending: is_ending,
        });
        let thread = std::thread::Builder::new().name("oversip-monitor".into()).spawn(move || {
            run(&runtime, &scene, control, ports);
            // A look-up of a collector's name may take long.
            runtime.shutdown_background();
        })?;
        Ok(Monitor { listening, ending, thread: Some(thread) })
    }

    /// The addresses that figures are shown on, with their real ports.
    pub(in crate::engine) fn listening(&self) -> &[SocketAddr] {
        &self.listening
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        let _ = self.ending.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn port(address: SocketAddr) -> Result<TcpListener, MonitorError> {
    let open = || -> std::io::Result<Socket> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        // Connections of an earlier process in TIME_WAIT must not keep the port.
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&SockAddr::from(address))?;
        socket.listen(BACKLOG)?;
        Ok(socket)
    };
    open().map(TcpListener::from).map_err(|cause| MonitorError::Listen { address, cause })
}

fn run(runtime: &Runtime, scene: &Arc<Scene>, control: Option<ControlSocket>, ports: Vec<TcpListener>) {
    let _speaks = log::speak_for(&scene.driver);
    let (control, _file) = control.map(ControlSocket::into_parts).unzip();
    runtime.block_on(async {
        let [inside, outside] = &scene.doors;
        let served = serve(control, ports, scene);
        if let Err(error) = served {
            return tracing::error!(target: "oversip::monitor", "nothing is shown: {error}");
        }
        let sending = send_to_collectors(scene);
        scene.ends().await;
        let clock: &dyn Clock = &SystemClock;
        let all_gone = async {
            inside.is_empty().await;
            outside.is_empty().await;
        };
        // Who does not take its answer in time goes without.
        let _ = clock.timeout(GRACE, all_gone).await;
        if let Some(sending) = sending {
            let _ = sending.await;
        }
    });
}

/// Sends messages to their collectors until the engine ends, if there are any.
fn send_to_collectors(scene: &Arc<Scene>) -> Option<tokio::task::JoinHandle<()>> {
    let collectors = scene.driver.observers.as_ref()?.collectors()?.clone();
    let scene = scene.clone();
    Some(tokio::spawn(async move { collectors.run(scene.ends()).await }))
}

/// Begins to accept connections.
fn serve(
    control: Option<std::os::unix::net::UnixListener>,
    ports: Vec<TcpListener>,
    scene: &Arc<Scene>,
) -> std::io::Result<()> {
    let [inside, outside] = &scene.doors;
    if let Some(listener) = control {
        let listener = tokio::net::UnixListener::from_std(listener)?;
        tokio::spawn(accept(listener, inside.clone(), scene.clone()));
    }
    for listener in ports {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        tokio::spawn(accept(listener, outside.clone(), scene.clone()));
    }
    Ok(())
}
