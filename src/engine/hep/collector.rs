//! One collector: the queue before it, and how it stands with it.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;

use super::address::CollectorAddress;
use crate::clock::Clock;
use crate::engine::clock::SystemClock;
use crate::hep::PacketQueue;
use crate::host::lock;

/// Packets that may wait for a collector, and bytes of them.
const MOST_PACKETS: usize = 10_000;
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// How long packets are gathered before they are sent: nobody who reads them minds, and the thread wakes less often.
const GATHER: Duration = Duration::from_millis(10);

/// How it stands with one collector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectorState {
    /// Its address as the configuration has it: "udp:192.0.2.1:9060".
    pub address: String,
    /// Packets that the system took for it so far.
    pub sent: u64,
    /// Packets that were lost so far: its queue was full, a connection broke, or the message was longer than a packet can be.
    pub dropped: u64,
    /// Packets that wait now.
    pub queued: usize,
    /// Bytes of them.
    pub queued_bytes: usize,
    /// Whether it takes packets; of a collector by UDP, whether nothing says that it does not.
    pub connected: bool,
}

#[derive(Debug)]
pub(super) struct Collector {
    address: CollectorAddress,
    waiting: Mutex<Waiting>,
    news: Notify,
    sent: AtomicU64,
    connected: AtomicBool,
    /// Whether it was lost since it was last connected, and the log says so.
    lost: AtomicBool,
}

#[derive(Debug)]
struct Waiting {
    queue: PacketQueue,
    /// Packets that were taken to be sent.
    in_hand: usize,
    /// Whether the one who sends waits for the first packet.
    idle: bool,
}

impl Collector {
    pub(super) fn new(address: CollectorAddress) -> Collector {
        let queue = PacketQueue::new(MOST_PACKETS, MOST_BYTES);
        Collector {
            address,
            waiting: Mutex::new(Waiting { queue, in_hand: 0, idle: false }),
            news: Notify::new(),
            sent: AtomicU64::new(0),
            connected: AtomicBool::new(false),
            lost: AtomicBool::new(false),
        }
    }

    pub(super) fn address(&self) -> &CollectorAddress {
        &self.address
    }

    pub(super) fn push(&self, packet: Bytes) {
        let mut waiting = lock(&self.waiting);
        waiting.queue.push(packet);
        let wake = std::mem::take(&mut waiting.idle);
        drop(waiting);
        if wake {
            self.news.notify_one();
        }
    }

    /// A packet could not even be made.
    pub(super) fn lose(&self) {
        lock(&self.waiting).queue.lose();
    }

    pub(super) fn state(&self) -> CollectorState {
        let waiting = lock(&self.waiting);
        CollectorState {
            address: self.address.to_string(),
            sent: self.sent.load(Ordering::Relaxed),
            dropped: waiting.queue.dropped(),
            queued: waiting.queue.len(),
            queued_bytes: waiting.queue.bytes(),
            connected: self.connected.load(Ordering::Relaxed),
        }
    }

    pub(super) fn has_something_to_send(&self) -> bool {
        let waiting = lock(&self.waiting);
        self.connected.load(Ordering::Relaxed) && (waiting.in_hand > 0 || !waiting.queue.is_empty())
    }

    /// Waits until there are packets.
    pub(super) async fn has_packets(&self) {
        let clock: &dyn Clock = &SystemClock;
        loop {
            {
                let mut waiting = lock(&self.waiting);
                if !waiting.queue.is_empty() {
                    return;
                }
                waiting.idle = true;
            }
            self.news.notified().await;
            clock.sleep(GATHER).await;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        lock(&self.waiting).queue.is_empty()
    }

    /// Takes the next packet. Whoever takes it says what became of it.
    pub(super) fn take(&self) -> Option<Bytes> {
        let mut waiting = lock(&self.waiting);
        let packet = waiting.queue.pop()?;
        waiting.in_hand += 1;
        Some(packet)
    }

    /// The packets that were taken have left.
    pub(super) fn are_sent(&self) {
        let sent = std::mem::take(&mut lock(&self.waiting).in_hand);
        self.sent.fetch_add(sent as u64, Ordering::Relaxed);
    }

    /// They have not.
    pub(super) fn are_lost(&self) {
        let mut waiting = lock(&self.waiting);
        for _ in 0..std::mem::take(&mut waiting.in_hand) {
            waiting.queue.lose();
        }
    }

    /// From now on it takes packets.
    pub(super) fn is_connected(&self) {
        self.lost.store(false, Ordering::Relaxed);
        if !self.connected.swap(true, Ordering::Relaxed) {
            tracing::info!(target: "oversip::hep", "messages go to the HEP collector {}", self.address);
        }
    }

    /// Whether it took no packets the last time.
    pub(super) fn was_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// It takes none for now.
    pub(super) fn is_lost(&self, error: &io::Error) {
        self.are_lost();
        self.connected.store(false, Ordering::Relaxed);
        if !self.lost.swap(true, Ordering::Relaxed) {
            let address = &self.address;
            tracing::warn!(target: "oversip::hep", "the HEP collector {address} takes no messages: {error}");
        }
    }
}
