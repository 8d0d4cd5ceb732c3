//! What handlers have: the engine, and what the monitor was started with.

use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::watch;

use super::calls;
use super::door::Door;
use super::hosts::Hosts;
use super::kernel::UdpDrops;
use super::page_cache::PageCache;
use super::questions::RubyQuestions;
use crate::engine::driver::Driver;
use crate::metrics::ScriptMetrics;
use crate::transport::Tls;

/// What tells this server from others.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The version of the library.
    pub version: String,
    /// The name of the process.
    pub name: String,
    /// The folder of its files, if it has one.
    pub folder: Option<String>,
}

/// What handlers have.
pub(super) struct Scene {
    pub(super) driver: Arc<Driver>,
    pub(super) questions: Arc<RubyQuestions>,
    /// The certificates.
    pub(super) tls: Arc<Tls>,
    /// What the script counts.
    pub(super) of_script: Arc<ScriptMetrics>,
    /// The page of figures that a network was shown last.
    pub(super) pages: PageCache,
    pub(super) identity: Identity,
    /// Where peers come in: by the control socket, and from a network.
    pub(super) doors: [Arc<Door>; 2],
    /// By which names a network may ask.
    pub(super) hosts: Hosts,
    /// What the pages of calls share; `None`: they are not served.
    pub(super) calls_page: Option<Arc<calls::OpenPages>>,
    /// What UDP sockets have lost, those that are closed too.
    pub(super) udp_drops: UdpDrops,
    /// When the monitor was started.
    pub(super) began_at: SystemTime,
    /// Whether the engine ends.
    pub(super) ending: watch::Receiver<bool>,
}

impl Scene {
    /// Ends when the engine ends: answers that go on end then.
    pub(super) async fn ends(&self) {
        // The sender is gone only with the thread.
        let _ = self.ending.clone().wait_for(|ending| *ending).await;
    }
}
