//! Binding the listening sockets, before any runtime is needed.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};

use nix::errno::Errno;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::Transport;

/// Wanted size of a UDP socket's system buffers, bytes. The system may grant less.
const UDP_SYSTEM_BUFFER: usize = 4 * 1024 * 1024;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;

/// How many numbers are tried for a group of specs that ask for port 0.
const PORT_ATTEMPTS: usize = 32;

/// A socket to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenSpec {
    /// UDP, or a transport whose connections are accepted by a stream listener.
    pub transport: Transport,
    /// The local address.
    pub ip: IpAddr,
    /// The port; 0 for any free one.
    pub port: u16,
}

/// A socket could not be bound.
#[derive(Debug, thiserror::Error)]
#[error("cannot bind {} {}: {}", .transport.via_token(), SocketAddr::new(*.ip, *.port), error_text(.cause))]
pub struct BindError {
    /// The transport asked for.
    pub transport: Transport,
    /// The address asked for.
    pub ip: IpAddr,
    /// The port asked for, or the one tried when 0 was asked for.
    pub port: u16,
    /// What the system said.
    pub cause: io::Error,
}

/// The system's words for an error, without its number.
pub fn error_text(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(code) => Errno::from_raw(code).desc().to_owned(),
        None => error.to_string(),
    }
}

/// A bound socket, not yet served by anyone. Dropping it frees the port.
#[derive(Debug)]
pub struct Bound {
    /// The transport it serves.
    pub transport: Transport,
    /// The real local address.
    pub local: SocketAddr,
    pub(super) proxied: bool,
    pub(super) socket: Socket,
}

impl Bound {
    /// Lets the connections come through a proxy that ends TLS and begins each with a PROXY line (version 1). Whoever can
    /// connect can claim any address: for sockets that only the proxy reaches.
    pub fn behind_proxy(mut self) -> Bound {
        self.proxied = true;
        self
    }
}

/// Binds every spec, in order, and answers with the sockets in that order.
///
/// Port 0 means one free number for all the specs that ask for it: UDP and TCP of both families share it; TLS, WS
/// and WSS, which could not listen beside TCP, get one of their own each.
pub fn bind_all(specs: &[ListenSpec]) -> Result<Vec<Bound>, BindError> {
    let mut bound: Vec<Option<Bound>> = specs.iter().map(|_| None).collect();
    for (slot, spec) in bound.iter_mut().zip(specs).filter(|(_, spec)| spec.port != 0) {
        *slot = Some(bind(spec, spec.port)?);
    }
    let mut groups: HashMap<Transport, Vec<usize>> = HashMap::new();
    for (index, spec) in specs.iter().enumerate().filter(|(_, spec)| spec.port == 0) {
        groups.entry(port_group(spec.transport)).or_default().push(index);
    }
    for members in groups.values() {
        let wanted: Vec<ListenSpec> = members.iter().map(|&index| specs[index]).collect();
        for (&index, socket) in members.iter().zip(bind_group(&wanted)?) {
            bound[index] = Some(socket);
        }
    }
    Ok(bound.into_iter().flatten().collect())
}

/// Whether the system has this address to listen on.
pub fn address_available(ip: IpAddr) -> bool {
    bind(&ListenSpec { transport: Transport::Udp, ip, port: 0 }, 0).is_ok()
}

/// The transport that stands for all those that share a free port number with `transport`.
fn port_group(transport: Transport) -> Transport {
    match transport {
        Transport::Udp | Transport::Tcp => Transport::Udp,
        other => other,
    }
}

/// Binds specs that all ask for port 0 to one number.
fn bind_group(specs: &[ListenSpec]) -> Result<Vec<Bound>, BindError> {
    // Numbers that turned out to be taken elsewhere stay bound until the search ends, so that the system does not
    // offer them again.
    let mut unsuitable = Vec::new();
    loop {
        let first = bind(&specs[0], 0)?;
        let port = first.local.port();
        let mut sockets = vec![first];
        let rest: Result<Vec<Bound>, BindError> = specs[1..].iter().map(|spec| bind(spec, port)).collect();
        match rest {
            Ok(rest) => {
                sockets.extend(rest);
                return Ok(sockets);
            }
            Err(taken)
                if taken.cause.kind() == io::ErrorKind::AddrInUse && unsuitable.len() < PORT_ATTEMPTS =>
            {
                unsuitable.append(&mut sockets);
            }
            Err(error) => return Err(error),
        }
    }
}

fn bind(spec: &ListenSpec, port: u16) -> Result<Bound, BindError> {
    let address = SocketAddr::new(spec.ip, port);
    let attempt = match spec.transport {
        Transport::Udp => udp(address),
        _ => stream_listener(address),
    };
    attempt
        .and_then(|socket| {
            Ok(Bound { transport: spec.transport, local: local_address(&socket)?, proxied: false, socket })
        })
        .map_err(|cause| BindError { transport: spec.transport, ip: spec.ip, port, cause })
}

fn udp(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    prepare(&socket, address)?;
    // Best effort: the system caps the size, and the server works with any.
    let _ = socket.set_recv_buffer_size(UDP_SYSTEM_BUFFER);
    let _ = socket.set_send_buffer_size(UDP_SYSTEM_BUFFER);
    super::icmp::enable(&socket, address.is_ipv6())?;
    socket.bind(&SockAddr::from(address))?;
    Ok(socket)
}

fn stream_listener(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    prepare(&socket, address)?;
    // Connections of an earlier process in TIME_WAIT must not keep the port.
    socket.set_reuse_address(true)?;
    socket.bind(&SockAddr::from(address))?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

fn prepare(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    if address.is_ipv6() {
        // Each family has its own socket; without this `::` would take the port of both.
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)
}

pub(super) fn local_address(socket: &Socket) -> io::Result<SocketAddr> {
    socket.local_addr()?.as_socket().ok_or_else(|| io::Error::other("the socket has no IP address"))
}
