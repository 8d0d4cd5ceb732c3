//! UDP: one socket per listening address, used for requests and responses in both directions.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use socket2::{SockAddr, SockRef};
use tokio::io::unix::AsyncFd;
use tokio::io::Interest;
use tokio::sync::{mpsc, Notify};
use tokio::task::AbortHandle;
use tracing::{debug, error, info, warn};

use super::datagrams::{Buffers, AT_ONCE};
use super::{icmp, Bound, Malformed, Source, Transport, TransportEvent};
use crate::message::{datagram, Arrival, Defect};

/// Errors taken before other tasks get a turn.
const ERROR_BATCH: usize = 64;

/// Datagrams that may wait for a system buffer to drain; beyond it they are lost, as UDP may lose them.
const BACKLOG_DATAGRAMS: usize = 2048;

/// Bytes of those datagrams.
const BACKLOG_BYTES: usize = 8 * 1024 * 1024;

/// Attempts to send while errors of earlier datagrams come back.
const SEND_ATTEMPTS: usize = 4;

/// A UDP socket that is being served, one that listens or one that requests to other hosts leave from. Clones are handles to
/// the same socket.
#[derive(Clone)]
pub struct UdpSocket(Arc<Inner>);

struct Inner {
    /// Registered for what arrives only: as one that can be written to it would wake the loop whenever a datagram has left.
    socket: AsyncFd<std::net::UdpSocket>,
    local: SocketAddr,
    events: mpsc::Sender<TransportEvent>,
    malformed: Arc<Malformed>,
    backlog: Mutex<Backlog>,
    backlog_filled: Notify,
    unsent: AtomicU64,
    heeds_keepalives: AtomicBool,
    tasks: Mutex<Vec<AbortHandle>>,
}

/// Datagrams that wait until the system takes them.
#[derive(Default)]
struct Backlog {
    datagrams: VecDeque<(Bytes, SocketAddr)>,
    bytes: usize,
}

impl Backlog {
    fn is_full(&self) -> bool {
        self.datagrams.len() >= BACKLOG_DATAGRAMS || self.bytes >= BACKLOG_BYTES
    }

    fn push(&mut self, datagram: Bytes, remote: SocketAddr) {
        self.bytes += datagram.len();
        self.datagrams.push_back((datagram, remote));
    }

    fn pop(&mut self) {
        if let Some((datagram, _)) = self.datagrams.pop_front() {
            self.bytes -= datagram.len();
        }
    }
}

impl UdpSocket {
    /// Takes over a bound UDP socket and starts to report what arrives. What is not worth a report is counted in `malformed`. Must
    /// be called within the runtime.
    pub fn start(
        bound: Bound,
        events: mpsc::Sender<TransportEvent>,
        malformed: Arc<Malformed>,
    ) -> io::Result<UdpSocket> {
        #[allow(
            deprecated,
            reason = "its successor wants a promise that the type keeps by itself: a UdpSocket has one descriptor for life"
        )]
        let registered = AsyncFd::with_interest(bound.socket.into(), Interest::READABLE)?;
        let socket = UdpSocket(Arc::new(Inner {
            socket: registered,
            local: bound.local,
            events,
            malformed,
            backlog: Mutex::default(),
            backlog_filled: Notify::new(),
            unsent: AtomicU64::new(0),
            heeds_keepalives: AtomicBool::new(false),
            tasks: Mutex::default(),
        }));
        let receiver = tokio::spawn(receive(socket.clone())).abort_handle();
        let flusher = tokio::spawn(flush(socket.clone())).abort_handle();
        *socket.0.tasks.lock().unwrap_or_else(PoisonError::into_inner) = vec![receiver, flusher];
        Ok(socket)
    }

    /// The address it is bound to.
    pub fn local(&self) -> SocketAddr {
        self.0.local
    }

    /// What the system knows the socket by.
    pub fn inode(&self) -> Option<u64> {
        nix::sys::stat::fstat(self.0.socket.get_ref()).ok().map(|state| state.st_ino)
    }

    /// Whether keep-alives are reported as [`TransportEvent::Keepalive`].
    pub fn heed_keepalives(&self, on: bool) {
        self.0.heeds_keepalives.store(on, Ordering::Relaxed);
    }

    /// Sends one datagram without waiting. If the system has no room for it, it is queued; if sending it fails
    /// then, that is reported as a [`TransportEvent::UdpError`] which quotes the datagram.
    ///
    /// # Errors
    ///
    /// What the system says to this datagram: no route, larger than a datagram can be, and so on. `WouldBlock` if
    /// the queue is full.
    pub fn try_send(&self, datagram: &Bytes, remote: SocketAddr) -> io::Result<()> {
        // The lock is not held over the system call: two threads that send do not wait for each other.
        if self.backlog().datagrams.is_empty() {
            match send(SockRef::from(&self.0.socket), datagram, remote) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
        }
        let mut backlog = self.backlog();
        if backlog.is_full() {
            self.0.unsent.fetch_add(1, Ordering::Relaxed);
            return Err(io::ErrorKind::WouldBlock.into());
        }
        backlog.push(datagram.clone(), remote);
        self.0.backlog_filled.notify_one();
        Ok(())
    }

    /// Ends reception and frees the port once the last handle is dropped.
    pub fn stop(&self) {
        for task in self.0.tasks.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            task.abort();
        }
    }

    /// Datagrams that were lost since too many waited for the system, so far.
    pub fn unsent(&self) -> u64 {
        self.0.unsent.load(Ordering::Relaxed)
    }

    fn backlog(&self) -> MutexGuard<'_, Backlog> {
        self.0.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keepalive(&self, remote: SocketAddr) -> Option<TransportEvent> {
        let heeded = self.0.heeds_keepalives.load(Ordering::Relaxed);
        heeded.then(|| TransportEvent::Keepalive { source: self.source(remote) })
    }

    fn source(&self, remote: SocketAddr) -> Source {
        Source { transport: Transport::Udp, remote, local: self.0.local, connection: None, inbound: true }
    }
}

/// One send call that belongs to this datagram. An unconnected socket reports the ICMP error of an earlier datagram
/// on the next call, whatever its destination, and forgets it by doing so; an error of this datagram comes again.
fn send(socket: SockRef<'_>, datagram: &[u8], remote: SocketAddr) -> io::Result<()> {
    let remote = SockAddr::from(remote);
    let mut attempt = 1;
    loop {
        match socket.send_to(datagram, &remote) {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock || attempt == SEND_ATTEMPTS => {
                return Err(error)
            }
            Err(_) => attempt += 1,
        }
    }
}

// Receiving ----------------------------------------------------------------------------------------------------

async fn receive(socket: UdpSocket) {
    let mut buffers = Buffers::new();
    loop {
        let ready = match socket.0.socket.ready(Interest::READABLE | Interest::ERROR).await {
            Ok(guard) => guard.ready(),
            Err(error) => {
                warn!(target: "oversip::transport", local = %socket.local(), %error, "UDP socket lost");
                return;
            }
        };
        if ready.is_error() && !take_errors(&socket).await {
            return;
        }
        if ready.is_readable() && !take_datagrams(&socket, &mut buffers).await {
            return;
        }
    }
}

/// `false` once nobody listens to the events any more.
async fn take_datagrams(socket: &UdpSocket, buffers: &mut Buffers) -> bool {
    let datagrams = match buffers.receive(&socket.0.socket) {
        Ok(datagrams) => datagrams,
        // The error of a datagram sent earlier; its details are in the error queue.
        Err(error) => {
            debug!(target: "oversip::transport", local = %socket.local(), %error, "UDP error");
            return true;
        }
    };
    let more = datagrams.len() == AT_ONCE;
    for (bytes, remote) in datagrams {
        if !take_datagram(socket, bytes, remote).await {
            return false;
        }
    }
    if more {
        // Others have their turn.
        tokio::task::yield_now().await;
    }
    true
}

async fn take_errors(socket: &UdpSocket) -> bool {
    for _ in 0..ERROR_BATCH {
        match socket.0.socket.try_io(Interest::ERROR, icmp::take) {
            Ok(Some(icmp::Undelivered { remote, quoted, error })) => {
                debug!(target: "oversip::transport", local = %socket.local(), %remote, %error, "ICMP error");
                let event = TransportEvent::UdpError { local: socket.local(), remote, quoted, error };
                if socket.0.events.send(event).await.is_err() {
                    return false;
                }
            }
            Ok(None) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => {
                debug!(target: "oversip::transport", local = %socket.local(), %error, "error queue")
            }
        }
    }
    true
}

async fn take_datagram(socket: &UdpSocket, bytes: Bytes, remote: SocketAddr) -> bool {
    let source = socket.source(remote);
    // A defect costs this datagram, not the socket.
    let read = catch_unwind(AssertUnwindSafe(|| datagram(bytes).arrivals(&source)));
    let arrivals = read.unwrap_or_else(|_| {
        error!(target: "oversip::transport", %remote, "a defect: a datagram was lost in a panic");
        Default::default()
    });
    for arrival in arrivals {
        if let Some(event) = event(socket, arrival, source) {
            if socket.0.events.send(event).await.is_err() {
                return false;
            }
        }
    }
    true
}

/// The event of what a datagram holds, if it is one.
fn event(socket: &UdpSocket, arrival: Arrival, source: Source) -> Option<TransportEvent> {
    let (malformed, remote) = (&socket.0.malformed, source.remote);
    match arrival {
        Arrival::Message(message) => {
            Some(TransportEvent::Message { message, source, room: None, owed: None })
        }
        Arrival::Keepalive { answer: bytes, alone } => {
            answer(socket, &bytes, remote);
            socket.keepalive(remote).filter(|_| alone)
        }
        Arrival::Refused { request: to, status, reason, close, defect } => {
            debug!(target: "oversip::transport", %remote, status, %defect, "request refused");
            malformed.count_refused(defect);
            Some(TransportEvent::Reply { to, source, status, reason, close, owed: None })
        }
        Arrival::Dropped(defect) | Arrival::End(defect) => {
            // Whoever looks for open ports sends the one; the other has a cause in some peer.
            match defect {
                Defect::Foreign => {
                    debug!(target: "oversip::transport", %remote, %defect, "datagram dropped");
                }
                _ => info!(target: "oversip::transport", %remote, %defect, "datagram dropped"),
            }
            malformed.count_dropped(defect);
            None
        }
    }
}

/// What a keep-alive gets: CRLF, or the STUN response (RFC 5626 4.4).
fn answer(socket: &UdpSocket, bytes: &Bytes, remote: SocketAddr) {
    if let Err(error) = socket.try_send(bytes, remote) {
        debug!(target: "oversip::transport", %remote, %error, "keep-alive not answered");
    }
}

// Sending what had to wait -------------------------------------------------------------------------------------

async fn flush(socket: UdpSocket) {
    loop {
        socket.0.backlog_filled.notified().await;
        while !socket.backlog().datagrams.is_empty() {
            if let Err(error) = flush_when_writable(&socket).await {
                let lost = std::mem::take(&mut *socket.backlog()).datagrams.len();
                socket.0.unsent.fetch_add(lost as u64, Ordering::Relaxed);
                warn!(target: "oversip::transport", local = %socket.local(), %error, lost, "UDP backlog dropped");
            }
        }
    }
}

/// Waits until the system takes datagrams again and sends what it takes.
///
/// The wait has a registration of its own, since the socket's is for what arrives only. It lasts as long as the wait: an ICMP
/// error marks a registration as closed for writing for good, and a wait on that would never sleep again.
async fn flush_when_writable(socket: &UdpSocket) -> io::Result<()> {
    let duplicate = SockRef::from(&socket.0.socket).try_clone()?;
    let fresh = tokio::net::UdpSocket::from_std(duplicate.into())?;
    fresh.writable().await?;
    loop {
        let Some((datagram, remote)) = socket.backlog().datagrams.front().cloned() else { return Ok(()) };
        let failed = match send(SockRef::from(&fresh), &datagram, remote) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            result => result.err(),
        };
        socket.backlog().pop();
        if let Some(error) = failed {
            let event = TransportEvent::UdpError { local: socket.local(), remote, quoted: datagram, error };
            // Ends with the task: without a receiver of events the layer is being dropped.
            let _ = socket.0.events.send(event).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{bind_all, ListenSpec};
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::Duration;

    const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn start() -> (UdpSocket, mpsc::Receiver<TransportEvent>) {
        let bound = bind_all(&[ListenSpec { transport: Transport::Udp, ip: V4, port: 0 }]).unwrap().remove(0);
        let (sender, events) = mpsc::channel(16);
        (UdpSocket::start(bound, sender, Arc::default()).unwrap(), events)
    }

    async fn within<T>(future: impl std::future::Future<Output = T>) -> T {
        tokio::time::timeout(Duration::from_secs(20), future).await.expect("in time")
    }

    async fn udp_error(events: &mut mpsc::Receiver<TransportEvent>) -> (SocketAddr, Bytes) {
        match within(events.recv()).await {
            Some(TransportEvent::UdpError { remote, quoted, .. }) => (remote, quoted),
            other => panic!("{other:?}"),
        }
    }

    /// Queues as if the system's buffer had been full: that cannot be arranged on loopback.
    fn queue(socket: &UdpSocket, datagram: Bytes, remote: SocketAddr) {
        socket.backlog().push(datagram, remote);
        socket.0.backlog_filled.notify_one();
    }

    #[tokio::test]
    async fn what_was_queued_leaves_in_order_also_after_an_icmp_error() {
        let (socket, mut events) = start();
        let peer = tokio::net::UdpSocket::bind((V4, 0)).await.unwrap();
        let dead = tokio::net::UdpSocket::bind((V4, 0)).await.unwrap().local_addr().unwrap();
        socket.try_send(&Bytes::from_static(b"lost"), dead).unwrap();
        assert_eq!(udp_error(&mut events).await, (dead, Bytes::from_static(b"lost")));
        for text in ["1", "2"] {
            queue(&socket, Bytes::from_static(text.as_bytes()), peer.local_addr().unwrap());
        }
        socket.try_send(&Bytes::from_static(b"3"), peer.local_addr().unwrap()).unwrap();
        for text in ["1", "2", "3"] {
            let mut buffer = [0; 10];
            let (length, _) = within(peer.recv_from(&mut buffer)).await.unwrap();
            assert_eq!(&buffer[..length], text.as_bytes());
        }
        assert!(socket.backlog().datagrams.is_empty());
    }

    #[tokio::test]
    async fn a_failure_to_send_late_is_reported_with_the_datagram() {
        let (socket, mut events) = start();
        let large = Bytes::from(vec![0; 70_000]);
        let remote = SocketAddr::new(V4, 9);
        queue(&socket, large.clone(), remote);
        assert_eq!(udp_error(&mut events).await, (remote, large));
    }

    #[tokio::test]
    async fn the_queue_is_bounded() {
        let (socket, _events) = start();
        let remote = SocketAddr::new(V4, 9);
        for _ in 0..BACKLOG_DATAGRAMS {
            queue(&socket, Bytes::from_static(b"x"), remote);
        }
        let error = socket.try_send(&Bytes::from_static(b"x"), remote).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        assert_eq!(socket.backlog().datagrams.len(), BACKLOG_DATAGRAMS);
        assert_eq!(socket.unsent(), 1);
    }

    #[tokio::test]
    async fn the_queue_is_bounded_in_bytes() {
        let (socket, _events) = start();
        let remote = SocketAddr::new(V4, 9);
        let large = Bytes::from(vec![0; 60_000]);
        (0..BACKLOG_BYTES.div_ceil(large.len())).for_each(|_| queue(&socket, large.clone(), remote));
        let error = socket.try_send(&Bytes::from_static(b"x"), remote).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }
}
