//! What elements want done.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;

use super::{Event, World};
use crate::element::{
    ConnectionEnd, Input, NextHop, NoWay, OpeningLimits, Output, OwnAddress, SendFailure, Sender, ServerName,
    ServerProof, WayBack,
};
use crate::message::{ConnectionId, Transport};
use crate::resolve::Target;
use crate::simulation::lookup::{Lookup, Next};
use crate::simulation::node::ScriptWork;
use crate::simulation::stream::Opening;

/// The port of the UDP socket that only sends.
const SENDING_PORT: u16 = 39_999;

/// The largest datagram.
const MAX_DATAGRAM: usize = 65_507;

/// How long it may take to reach the sender of a request anew.
const ANEW: OpeningLimits =
    OpeningLimits { connect: Duration::from_secs(2), handshake: Duration::from_secs(4) };

impl World {
    /// Does all that an element wants done.
    pub(super) fn carry_out(&mut self, number: usize) {
        while let Some(output) = self.node(number).element.poll() {
            self.output(number, output);
        }
        self.read_on(number);
    }

    fn output(&mut self, number: usize, output: Output) {
        match output {
            Output::Send { sender, hop, wire } => self.send_request(number, sender, hop, wire),
            Output::Respond { way_back, wire, hold } => {
                self.respond(number, &way_back, wire);
                drop(hold);
            }
            Output::Connect { connection, transport, remote, limits, proof } => {
                match self.host_of(number, transport, remote) {
                    Some(from) => self.connect(number, connection, transport, from, remote, limits, proof),
                    None => {
                        let end = ConnectionEnd::NotOpened;
                        self.tell_later(number, Input::ConnectionEnded { connection, end });
                    }
                }
            }
            Output::Tighten { connection, target, proof } => {
                let in_time = self.streams.tighten(number, connection, &proof);
                self.tell_later(number, Input::Tightened { connection, target, proof, in_time });
            }
            Output::Close { connection } => {
                if let Some(end) = self.streams.by_id(number, connection) {
                    self.close_end(end);
                }
            }
            Output::Resolve { resolution, inquiry } => {
                let next = Lookup::begin(resolution, inquiry, &self.zone, self.now);
                self.look_up(number, next);
            }
            Output::Script(event) => self.node(number).put(event.into()),
            Output::CallEnded { call, outcome } => {
                self.node(number).put(ScriptWork::CallEnded(call, outcome));
            }
            Output::HeedKeepalives(on) => self.node(number).heeds_keepalives = on,
            Output::HoldResponses(on) => self.node(number).holds_responses = on,
            Output::CallRenumbered { call, cseq } => {
                self.node(number).put(ScriptWork::CallRenumbered(call, cseq));
            }
            Output::Released(anchor) => self.node(number).put(ScriptWork::Released(anchor)),
            Output::FindAddress { target, allowed } => {
                let address = self.own_address(number, target, allowed);
                self.tell_later(number, Input::AddressFound { target, address });
            }
            Output::OpenSocket { ip, target, connection } => self.open_socket(number, ip, target, connection),
            // Nothing here is idle for too long.
            Output::SweepConnections => {}
        }
    }

    pub(super) fn look_up(&mut self, element: usize, next: Next) {
        match next {
            Next::Wait(at, lookup) => self.schedule.put(at, Event::Lookup { element, lookup }),
            Next::Done(resolution, resolved) => self.tell(element, Input::Resolved { resolution, resolved }),
        }
    }

    /// Tells an element something in the next step: it is at work.
    pub(super) fn tell_later(&mut self, element: usize, input: Input) {
        self.schedule.put(self.now, Event::Input { element, input: Box::new(input) });
    }

    fn send_request(&mut self, number: usize, sender: Sender, hop: NextHop, wire: Bytes) {
        let failure = match hop {
            NextHop::Udp { .. } if wire.len() > MAX_DATAGRAM => SendFailure::TooLarge,
            NextHop::Udp { remote, own } => match own.or_else(|| self.udp_socket(number, remote)) {
                Some(from) => return self.send_datagram(number, from, remote, wire),
                None => SendFailure::Lost,
            },
            NextHop::Stream { connection, .. } => {
                let end = self.streams.by_id(number, connection);
                if end.is_some_and(|end| self.send_bytes(end, wire)) {
                    return;
                }
                SendFailure::Lost
            }
        };
        self.tell_later(number, Input::NotSent { sender, hop, failure });
    }

    /// Sends a response over the connection of its request; where that is gone, over a new one (RFC 3261 18.2.2).
    fn respond(&mut self, number: usize, way_back: &WayBack, wire: Bytes) {
        let source = way_back.source;
        let Some(connection) = source.connection else {
            return self.send_datagram(number, source.local, way_back.udp(), wire);
        };
        let end = self.streams.by_id(number, connection);
        if end.is_some_and(|end| self.send_bytes(end, wire.clone())) {
            return;
        }
        if !matches!(source.transport, Transport::Tcp | Transport::Tls) {
            return;
        }
        let remote = way_back.connection();
        // It is for the script to say whom it trusts, if it does.
        let proof = source.transport.secure().then(|| ServerProof {
            name: ServerName::Ip(remote.ip()),
            by_library: false,
            by_callback: true,
        });
        let opening = Opening {
            party: number,
            id: None,
            transport: source.transport,
            from: source.local.ip(),
            to: remote,
            proof,
            handshake: ANEW.handshake,
        };
        let end = self.open_stream(opening, ANEW.connect);
        self.send_bytes(end, wire);
    }

    #[allow(clippy::too_many_arguments)] // They are one output.
    fn connect(
        &mut self,
        party: usize,
        connection: ConnectionId,
        transport: Transport,
        from: IpAddr,
        to: SocketAddr,
        limits: OpeningLimits,
        proof: Option<ServerProof>,
    ) {
        let handshake = limits.handshake;
        let opening = Opening { party, id: Some(connection), transport, from, to, proof, handshake };
        self.open_stream(opening, limits.connect);
    }

    /// From which further address of its host an element reaches a target.
    fn own_address(
        &mut self,
        number: usize,
        target: Target,
        allowed: OwnAddress,
    ) -> Result<Option<IpAddr>, NoWay> {
        let node = self.node(number);
        let remote = target.addr.ip();
        let source = node.further_addresses.iter().find(|ip| ip.is_ipv4() == remote.is_ipv4()).copied();
        let source =
            source.ok_or_else(|| NoWay::Unreachable { target, cause: "no route to it".to_owned() })?;
        let address = node.element.settings().leaves_from(allowed, remote, source);
        address.ok_or(NoWay::LoopbackOnly { target, from: allowed.loopback })
    }

    /// Opens a socket at a further address of an element's host.
    fn open_socket(
        &mut self,
        number: usize,
        ip: IpAddr,
        target: Target,
        connection: Option<(ConnectionId, OpeningLimits, Option<ServerProof>)>,
    ) {
        let (connection, local) = match connection {
            Some((connection, limits, proof)) => {
                let (transport, to, handshake) = (target.transport, target.addr, limits.handshake);
                let id = Some(connection);
                let opening = Opening { party: number, id, transport, from: ip, to, proof, handshake };
                let end = self.open_stream(opening, limits.connect);
                (id, self.streams.end(end).map(|end| end.source.local))
            }
            None => {
                let local = SocketAddr::new(ip, SENDING_PORT);
                self.udp.entry(local).or_insert(number);
                (None, Some(local))
            }
        };
        let local =
            local.ok_or_else(|| NoWay::NoSocket { target, cause: format!("nothing leaves from {ip}") });
        self.tell_later(number, Input::SocketOpened { target, connection, local });
    }

    /// The UDP socket of a party that reaches an address.
    fn udp_socket(&self, number: usize, remote: SocketAddr) -> Option<SocketAddr> {
        let addresses = self.parties[number].addresses.iter();
        let mut sockets = addresses.filter(|(transport, _)| *transport == Transport::Udp);
        sockets.find(|(_, local)| local.is_ipv4() == remote.is_ipv4()).map(|(_, local)| *local)
    }

    /// The address from which a party connects to another one.
    fn host_of(&self, number: usize, transport: Transport, remote: SocketAddr) -> Option<IpAddr> {
        let addresses = self.parties[number].addresses.iter();
        let mut fitting = addresses.filter(|(_, local)| local.is_ipv4() == remote.is_ipv4());
        let same = fitting.clone().find(|(known, _)| *known == transport);
        same.or_else(|| fitting.next()).map(|(_, local)| local.ip())
    }
}
