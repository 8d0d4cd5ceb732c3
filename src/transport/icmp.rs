//! ICMP errors of datagrams that were sent, from the socket's error queue.
//!
//! Without the queue the system reports an ICMP error on whatever call comes next, with no word about the datagram
//! it belongs to. With it the destination and the beginning of the datagram come along.

use std::io;
use std::net::SocketAddr;

use bytes::Bytes;

/// One entry of the error queue.
#[derive(Debug)]
pub(super) struct Undelivered {
    /// The destination of the datagram.
    pub remote: SocketAddr,
    /// The beginning of the datagram.
    pub quoted: Bytes,
    /// The error the system makes of the ICMP message.
    pub error: io::Error,
}

#[cfg(target_os = "linux")]
pub(super) use linux::{enable, take};

#[cfg(target_os = "linux")]
mod linux {
    use std::io::{self, IoSliceMut};
    use std::net::SocketAddr;
    use std::os::fd::{AsFd, AsRawFd};

    use bytes::Bytes;
    use nix::libc;
    use nix::sys::socket::sockopt::{Ipv4RecvErr, Ipv6RecvErr};
    use nix::sys::socket::{recvmsg, setsockopt, ControlMessageOwned, MsgFlags, RecvMsg, SockaddrStorage};

    use super::Undelivered;
    use crate::transport::datagrams::socket_address;

    /// Bytes kept of a quoted datagram: what an IPv6 error of minimum MTU can carry, more than any host quotes.
    const QUOTED_BYTES: usize = 1280;

    /// Room for one extended error and the address of the host that reported it, of either family.
    const CONTROL_BYTES: usize = 256;

    /// Asks the system to queue ICMP errors.
    pub fn enable(socket: &impl AsFd, ipv6: bool) -> io::Result<()> {
        if ipv6 {
            setsockopt(socket, Ipv6RecvErr, &true)?;
        } else {
            setsockopt(socket, Ipv4RecvErr, &true)?;
        }
        Ok(())
    }

    /// Takes one entry off the queue: `None` for one that is not a failure of delivery, `WouldBlock` when the queue
    /// is empty.
    pub fn take(socket: &impl AsRawFd) -> io::Result<Option<Undelivered>> {
        let mut quoted = [0; QUOTED_BYTES];
        let mut control = [0; CONTROL_BYTES];
        let mut slices = [IoSliceMut::new(&mut quoted)];
        let received = recvmsg::<SockaddrStorage>(
            socket.as_raw_fd(),
            &mut slices,
            Some(&mut control),
            MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT,
        )?;
        let Some((remote, error)) = destination(&received).zip(failure(&received)) else { return Ok(None) };
        let length = received.bytes;
        Ok(Some(Undelivered { remote, quoted: Bytes::copy_from_slice(&quoted[..length]), error }))
    }

    fn destination(received: &RecvMsg<'_, '_, SockaddrStorage>) -> Option<SocketAddr> {
        received.address.as_ref().and_then(socket_address)
    }

    fn failure(received: &RecvMsg<'_, '_, SockaddrStorage>) -> Option<io::Error> {
        received.cmsgs().ok()?.find_map(|message| match message {
            ControlMessageOwned::Ipv4RecvErr(error, _) | ControlMessageOwned::Ipv6RecvErr(error, _) => {
                undeliverable(&error).then(|| io::Error::from_raw_os_error(error.ee_errno as i32))
            }
            _ => None,
        })
    }

    /// RFC 3261 section 18.4: unreachable and parameter problem count, source quench and time exceeded do not. "Too
    /// big" is no failure either: the system remembers the path's MTU and fragments the retransmission.
    fn undeliverable(error: &libc::sock_extended_err) -> bool {
        match (error.ee_origin, error.ee_type, error.ee_code) {
            // RFC 792: destination unreachable; code 4 is "fragmentation needed".
            (libc::SO_EE_ORIGIN_ICMP, 3, code) => code != 4,
            // RFC 792: parameter problem.
            (libc::SO_EE_ORIGIN_ICMP, 12, _) => true,
            // RFC 4443: destination unreachable, parameter problem.
            (libc::SO_EE_ORIGIN_ICMP6, 1 | 4, _) => true,
            _ => false,
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn counts(ee_origin: u8, ee_type: u8, ee_code: u8) -> bool {
            undeliverable(&libc::sock_extended_err {
                ee_errno: libc::ECONNREFUSED as u32,
                ee_origin,
                ee_type,
                ee_code,
                ee_pad: 0,
                ee_info: 0,
                ee_data: 0,
            })
        }

        #[test]
        fn unreachable_and_parameter_problem_count() {
            assert!(counts(libc::SO_EE_ORIGIN_ICMP, 3, 3));
            assert!(counts(libc::SO_EE_ORIGIN_ICMP, 3, 1));
            assert!(counts(libc::SO_EE_ORIGIN_ICMP, 12, 0));
            assert!(counts(libc::SO_EE_ORIGIN_ICMP6, 1, 4));
            assert!(counts(libc::SO_EE_ORIGIN_ICMP6, 4, 0));
        }

        #[test]
        fn time_exceeded_source_quench_too_big_and_local_errors_do_not() {
            assert!(!counts(libc::SO_EE_ORIGIN_ICMP, 11, 0));
            assert!(!counts(libc::SO_EE_ORIGIN_ICMP, 4, 0));
            assert!(!counts(libc::SO_EE_ORIGIN_ICMP, 3, 4));
            assert!(!counts(libc::SO_EE_ORIGIN_ICMP6, 2, 0));
            assert!(!counts(libc::SO_EE_ORIGIN_ICMP6, 3, 0));
            assert!(!counts(libc::SO_EE_ORIGIN_LOCAL, 3, 3));
        }
    }
}

/// Elsewhere there is no such queue: errors go unnoticed and the transactions wait for their timers.
#[cfg(not(target_os = "linux"))]
pub(super) fn enable<S>(_socket: &S, _ipv6: bool) -> io::Result<()> {
    Ok(())
}

/// Always an empty queue.
#[cfg(not(target_os = "linux"))]
pub(super) fn take<S>(_socket: &S) -> io::Result<Option<Undelivered>> {
    Err(io::ErrorKind::WouldBlock.into())
}
