//! Sockets for requests to other hosts, for programs whose listeners are on loopback only.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::sync::mpsc;
use tracing::debug;

use super::bind::local_address;
use super::{address_available, bind_all, ListenSpec, Malformed, Transport, TransportEvent, UdpSocket};

/// Sending sockets that may be open at a time: one for each of our addresses. Beyond it no further address is sent from.
pub const MAX_SENDING_SOCKETS: usize = 32;

/// The address that the system's routing picks for packets to `remote`. Nothing is sent.
///
/// # Errors
///
/// The system has no way to it.
pub fn source_for(remote: SocketAddr) -> io::Result<IpAddr> {
    let socket = Socket::new(Domain::for_address(remote), Type::DGRAM, Some(Protocol::UDP))?;
    socket.connect(&SockAddr::from(remote))?;
    Ok(local_address(&socket)?.ip())
}

/// The UDP sockets, one for each address that was sent from. Clones are handles to the same sockets.
#[derive(Clone, Default)]
pub struct SendingSockets(Arc<Inner>);

#[derive(Default)]
struct Inner {
    sockets: Mutex<Vec<UdpSocket>>,
    heeds_keepalives: AtomicBool,
}

impl SendingSockets {
    /// The socket at this address, which is opened if need be; then those are closed whose address is gone. Must be called
    /// within the runtime.
    ///
    /// # Errors
    ///
    /// There are too many, or the system refuses another one.
    pub fn at(
        &self,
        ip: IpAddr,
        events: &mpsc::Sender<TransportEvent>,
        malformed: &Arc<Malformed>,
    ) -> io::Result<UdpSocket> {
        let mut sockets = self.lock();
        if let Some(known) = sockets.iter().find(|socket| socket.local().ip() == ip) {
            return Ok(known.clone());
        }
        sockets.retain(|socket| {
            let here = address_available(socket.local().ip());
            if !here {
                debug!(target: "oversip::transport", local = %socket.local(), "sending socket closed: the address is gone");
                socket.stop();
            }
            here
        });
        if sockets.len() >= MAX_SENDING_SOCKETS {
            return Err(io::Error::other(format!("{MAX_SENDING_SOCKETS} addresses are sent from already")));
        }
        let bound = bind_all(&[ListenSpec { transport: Transport::Udp, ip, port: 0 }])
            .map_err(|error| error.cause)?;
        let bound = bound.into_iter().next().ok_or(io::ErrorKind::AddrNotAvailable)?;
        let socket = UdpSocket::start(bound, events.clone(), malformed.clone())?;
        debug!(target: "oversip::transport", local = %socket.local(), "sending socket opened");
        socket.heed_keepalives(self.0.heeds_keepalives.load(Ordering::Relaxed));
        sockets.push(socket.clone());
        Ok(socket)
    }

    /// The socket that is bound to exactly this address and port.
    pub fn find(&self, local: SocketAddr) -> Option<UdpSocket> {
        self.lock().iter().find(|socket| socket.local() == local).cloned()
    }

    /// Those that are open.
    pub fn all(&self) -> Vec<UdpSocket> {
        self.lock().clone()
    }

    /// As [`super::TransportLayer::heed_keepalives`], for those that are opened later as well.
    pub fn heed_keepalives(&self, on: bool) {
        self.0.heeds_keepalives.store(on, Ordering::Relaxed);
        self.lock().iter().for_each(|socket| socket.heed_keepalives(on));
    }

    /// Closes all.
    pub fn stop(&self) {
        for socket in self.lock().drain(..) {
            socket.stop();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<UdpSocket>> {
        self.0.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn loopback(last: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(127, 0, 1, last))
    }

    #[tokio::test]
    async fn an_address_has_one_socket_and_there_is_a_bound() {
        let sockets = SendingSockets::default();
        let (events, _receiver) = mpsc::channel(1);
        let first = sockets.at(loopback(1), &events, &Arc::default()).unwrap();
        assert_eq!(sockets.at(loopback(1), &events, &Arc::default()).unwrap().local(), first.local());
        for last in 2..=MAX_SENDING_SOCKETS as u8 {
            sockets.at(loopback(last), &events, &Arc::default()).unwrap();
        }
        let refused = sockets.at(loopback(200), &events, &Arc::default()).err().expect("too many");
        assert_eq!(refused.to_string(), "32 addresses are sent from already");
        assert_eq!(sockets.all().len(), MAX_SENDING_SOCKETS);
        assert_eq!(sockets.find(first.local()).map(|socket| socket.local()), Some(first.local()));
        sockets.stop();
        assert!(sockets.all().is_empty());
    }

    #[tokio::test]
    async fn an_address_that_is_not_ours_is_not_sent_from() {
        let (events, _receiver) = mpsc::channel(1);
        let foreign = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 77));
        assert!(SendingSockets::default().at(foreign, &events, &Arc::default()).is_err());
    }

    #[test]
    fn loopback_is_reached_from_loopback() {
        assert!(source_for("127.0.0.1:9".parse().unwrap()).unwrap().is_loopback());
    }
}
