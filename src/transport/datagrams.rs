//! Datagrams as the system hands them over: several with one call, so that the call that finds none is rarely made.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use bytes::Bytes;
use smallvec::SmallVec;
use tokio::io::unix::AsyncFd;
use tokio::io::Interest;

/// Larger than any UDP payload.
const LARGEST: usize = 65_536;

/// Datagrams that one call takes. The next one waits already if a call has brought so many.
pub(super) const AT_ONCE: usize = 8;

/// A datagram and who has sent it.
pub(super) type Datagram = (Bytes, SocketAddr);

/// Room for what one call brings. Only what datagrams have needed so far takes memory.
pub(super) struct Buffers(Vec<u8>);

impl Buffers {
    pub(super) fn new() -> Self {
        Buffers(vec![0; AT_ONCE * LARGEST])
    }

    /// Takes what has arrived, [`AT_ONCE`] datagrams at most. Fewer, or none: there was no more.
    ///
    /// Each one is a copy of exactly the datagram. To receive into shared blocks without a copy would pin a whole block, 64 KiB and
    /// more, for the life of the transaction that keeps one message in it.
    ///
    /// # Errors
    ///
    /// The error of a datagram that was sent before.
    pub(super) fn receive(
        &mut self,
        socket: &AsyncFd<UdpSocket>,
    ) -> io::Result<SmallVec<[Datagram; AT_ONCE]>> {
        let mut received = SmallVec::new();
        let taken = socket.try_io(Interest::READABLE, |socket| {
            receive(socket, &mut self.0, &mut received)?;
            // The socket is known to be empty then, as if the system had been asked once more.
            if received.len() < AT_ONCE {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            Ok(())
        });
        match taken {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(received),
        }
    }
}

#[cfg(target_os = "linux")]
use linux::receive;
#[cfg(target_os = "linux")]
pub(super) use linux::socket_address;

#[cfg(target_os = "linux")]
mod linux {
    use std::io::{self, IoSliceMut};
    use std::net::SocketAddr;
    use std::os::fd::AsRawFd;

    use bytes::Bytes;
    use nix::sys::socket::{recvmmsg, AddressFamily, MsgFlags, MultiHeaders, SockaddrLike, SockaddrStorage};
    use smallvec::SmallVec;

    use super::{Datagram, AT_ONCE, LARGEST};

    pub fn receive(
        socket: &impl AsRawFd,
        buffers: &mut [u8],
        received: &mut SmallVec<[Datagram; AT_ONCE]>,
    ) -> io::Result<()> {
        let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(AT_ONCE, None);
        let mut buffers = buffers.chunks_mut(LARGEST);
        let mut slices: [_; AT_ONCE] =
            std::array::from_fn(|_| [IoSliceMut::new(buffers.next().unwrap_or_default())]);
        let fd = socket.as_raw_fd();
        for message in recvmmsg(fd, &mut headers, slices.iter_mut(), MsgFlags::MSG_DONTWAIT, None)? {
            let bytes = message.iovs().next().map(Bytes::copy_from_slice).unwrap_or_default();
            received.extend(message.address.as_ref().and_then(socket_address).map(|remote| (bytes, remote)));
        }
        Ok(())
    }

    /// The address as the standard library has it.
    pub fn socket_address(address: &SockaddrStorage) -> Option<SocketAddr> {
        match address.family()? {
            AddressFamily::Inet => address.as_sockaddr_in().map(|v4| SocketAddr::V4((*v4).into())),
            AddressFamily::Inet6 => address.as_sockaddr_in6().map(|v6| SocketAddr::V6((*v6).into())),
            _ => None,
        }
    }
}

/// Elsewhere one call takes one.
#[cfg(not(target_os = "linux"))]
fn receive(
    socket: &UdpSocket,
    buffers: &mut [u8],
    received: &mut SmallVec<[Datagram; AT_ONCE]>,
) -> io::Result<()> {
    while received.len() < AT_ONCE {
        match socket.recv_from(&mut buffers[..LARGEST]) {
            Ok((length, remote)) => received.push((Bytes::copy_from_slice(&buffers[..length]), remote)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) if received.is_empty() => return Err(error),
            Err(_) => {}
        }
    }
    Ok(())
}
