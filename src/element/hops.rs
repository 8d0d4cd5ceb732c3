//! The way to a target: a socket or a connection that is there, one that is opened first, or the flow that a token names.

use std::net::{IpAddr, SocketAddr};

use super::awaited_sockets::{AwaitedSocket, Demands};
use super::client_state::Turn;
use super::ids::RouteId;
use super::next_hop::NextHop;
use super::no_way::NoWay;
use super::output::{OpeningLimits, Output, ServerName, ServerProof};
use super::received_request::ReceivedRequest;
use super::route::Route;
use super::Element;
use crate::client::session::{Role, SessionInput};
use crate::client::{
    is_udp_token, LooseRoute, LooseRouteOutcome, NamedFlow, OutboundFacts, Profile, TokenFlow,
};
use crate::message::{ConnectionId, Source, Transport, UriRef};
use crate::resolve::Target;

/// The way to a target.
enum Way {
    Hop(NextHop),
    /// A connection that is asked for this.
    Connection(Demands),
    /// The driver finds an address first.
    Awaited(Option<Demands>),
}

impl Element {
    /// Sends the request of a route to a target, in a transaction of its own.
    pub(super) fn send_to_target(&mut self, route: &mut Route, target: Target) {
        let profile = route.profile().clone();
        match self.way_to(route.role, target, route.server.as_deref(), &profile) {
            Ok(Way::Hop(hop)) => self.begin_transaction(route, hop),
            Ok(Way::Connection(demands)) => match self.tighten(&target, &demands) {
                Some(connection) => self.await_socket(route, target, Some(connection), Some(demands)),
                None => {
                    let hop = self.connect(target, demands);
                    self.begin_transaction(route, hop);
                }
            },
            Ok(Way::Awaited(demands)) => self.await_socket(route, target, None, demands),
            Err(no_way) => self.has_no_hop(route, &no_way),
        }
    }

    fn await_socket(
        &mut self,
        route: &Route,
        target: Target,
        connection: Option<ConnectionId>,
        demands: Option<Demands>,
    ) {
        let (client, route) = (route.client, route.id);
        let awaited = AwaitedSocket { target, connection, is_asked: false, demands, client, route };
        self.awaited_sockets.push(awaited);
    }

    /// A connection to the same server is being opened, whose server has less to prove: it is asked for more, where its handshake
    /// is not over yet.
    fn tighten(&mut self, target: &Target, demands: &Demands) -> Option<ConnectionId> {
        let proof = demands.proof.as_ref()?;
        if self.flows.serving(target, Some(proof)).is_some() {
            return None;
        }
        let connection = self.flows.opening(target, &proof.name)?;
        self.emit(Output::Tighten { connection, target: *target, proof: proof.clone() });
        Some(connection)
    }

    /// The driver has asked more of a server, or it was too late for that.
    pub(super) fn tightened(
        &mut self,
        connection: ConnectionId,
        target: Target,
        proof: &ServerProof,
        in_time: bool,
    ) {
        if in_time {
            self.flows.tighten(connection, proof);
        }
        let waits = |it: &AwaitedSocket| {
            let asks = it.demands.as_ref().and_then(|demands| demands.proof.as_ref());
            it.target == target && it.connection == Some(connection) && asks == Some(proof)
        };
        let Some(index) = self.awaited_sockets.iter().position(waits) else { return };
        let AwaitedSocket { client, route, demands, .. } = self.awaited_sockets.remove(index);
        let Some(demands) = demands else { return };
        let hop = self.connect(target, demands);
        self.take_turn(client, route, Turn::Hop(Ok(hop)));
    }

    /// The hop to a target, where no address has to be found first.
    pub(super) fn hop_to(
        &mut self,
        role: Role,
        target: Target,
        server: Option<&str>,
        profile: &Profile,
    ) -> Option<NextHop> {
        match self.way_to(role, target, server, profile).ok()? {
            Way::Hop(hop) => Some(hop),
            Way::Connection(demands) => Some(self.connect(target, demands)),
            Way::Awaited(_) => None,
        }
    }

    /// There is no socket that leads to the target.
    pub(super) fn has_no_hop(&mut self, route: &mut Route, no_way: &NoWay) {
        // Another target may have an address that is reached from here.
        if route.session.has_further_targets() {
            tracing::info!(target: "oversip::transport", "{no_way}");
        } else {
            tracing::error!(target: "oversip::transport", "{no_way}");
        }
        self.tell(route, SessionInput::ConnectionLost);
    }

    /// The way to a target for a request of this kind of Client.
    ///
    /// For TLS, `server` is the host that the request is for, where it is not just this address, and the profile says what the
    /// server has to prove.
    fn way_to(
        &mut self,
        role: Role,
        target: Target,
        server: Option<&str>,
        profile: &Profile,
    ) -> Result<Way, NoWay> {
        let Target { transport, addr: remote } = target;
        let stream = match transport {
            Transport::Udp => false,
            Transport::Tcp | Transport::Tls => true,
            Transport::Ws | Transport::Wss => return Err(NoWay::WebSocket { target }),
        };
        let proof = (transport == Transport::Tls).then(|| proof(server, remote, profile));
        let limits =
            OpeningLimits { connect: profile.connect_timeout, handshake: profile.tls_handshake_timeout };
        if let Some(allowed) = self.settings.unreached(role, remote) {
            self.emit(Output::FindAddress { target, allowed });
            return Ok(Way::Awaited(stream.then_some(Demands { limits, proof })));
        }
        if stream {
            return Ok(Way::Connection(Demands { limits, proof }));
        }
        match self.settings.listeners.listener(Transport::Udp, remote) {
            Some(_) => Ok(Way::Hop(NextHop::Udp { remote, own: None })),
            None => Err(NoWay::NoListener { target }),
        }
    }

    /// A connection to a target: one that is there, else one that is opened now.
    fn connect(&mut self, target: Target, demands: Demands) -> NextHop {
        let Demands { limits, proof } = demands;
        let Target { transport, addr: remote } = target;
        let connection = match self.flows.serving(&target, proof.as_ref()) {
            Some(connection) => connection,
            None => {
                let connection = self.flows.open(&target, proof.clone());
                self.emit(Output::Connect { connection, transport, remote, limits, proof });
                connection
            }
        };
        NextHop::Stream { transport, connection, remote, own: None }
    }

    /// The driver knows from which address a target is reached, or that it is not.
    pub(super) fn address_found(&mut self, target: Target, address: Result<Option<IpAddr>, NoWay>) {
        let waits = |it: &AwaitedSocket| it.target == target && it.connection.is_none() && !it.is_asked;
        let Some(index) = self.awaited_sockets.iter().position(waits) else { return };
        let Target { transport, addr: remote } = target;
        let demands = self.awaited_sockets[index].demands.clone();
        let hop = match (address, demands) {
            (Err(no_way), _) => Err(no_way),
            (Ok(None), None) => Ok(NextHop::Udp { remote, own: None }),
            (Ok(None), Some(demands)) => Ok(self.connect(target, demands)),
            (Ok(Some(ip)), None) => {
                self.awaited_sockets[index].is_asked = true;
                return self.emit(Output::OpenSocket { ip, target, connection: None });
            }
            (Ok(Some(ip)), Some(Demands { limits, proof })) => {
                match self.flows.serving_from(ip, &target, proof.as_ref()) {
                    Some((connection, own)) => {
                        Ok(NextHop::Stream { transport, connection, remote, own: Some(own) })
                    }
                    None => {
                        let connection = self.flows.open(&target, proof.clone());
                        self.awaited_sockets[index].connection = Some(connection);
                        let opening = Some((connection, limits, proof));
                        return self.emit(Output::OpenSocket { ip, target, connection: opening });
                    }
                }
            }
        };
        let AwaitedSocket { client, route, .. } = self.awaited_sockets.remove(index);
        self.take_turn(client, route, Turn::Hop(hop));
    }

    /// The driver has opened a socket, or cannot.
    pub(super) fn socket_opened(
        &mut self,
        target: Target,
        connection: Option<ConnectionId>,
        local: Result<SocketAddr, NoWay>,
    ) {
        if let Some(connection) = connection {
            match &local {
                Ok(local) => self.flows.begins_at(connection, *local),
                Err(_) => drop(self.flows.ended(connection)),
            }
        }
        let awaited = |it: &AwaitedSocket| {
            it.target == target && it.connection == connection && (it.is_asked || connection.is_some())
        };
        let Some(index) = self.awaited_sockets.iter().position(awaited) else { return };
        let AwaitedSocket { client, route, .. } = self.awaited_sockets.remove(index);
        let Target { transport, addr: remote } = target;
        let hop = local.map(|own| match connection {
            None => NextHop::Udp { remote, own: Some(own) },
            Some(connection) => NextHop::Stream { transport, connection, remote, own: Some(own) },
        });
        self.take_turn(client, route, Turn::Hop(hop));
    }

    /// Whether a route waits for the socket that its request leaves by.
    pub(super) fn awaits_socket(&self, route: RouteId) -> bool {
        self.awaited_sockets.iter().any(|awaited| awaited.route == route)
    }

    /// A route waits for no socket any longer. False when it waited for none.
    pub(super) fn forget_socket(&mut self, route: RouteId) -> bool {
        let before = self.awaited_sockets.len();
        self.awaited_sockets.retain(|awaited| awaited.route != route);
        self.awaited_sockets.len() < before
    }

    /// Sends the request of a route over the flow that it named (RFC 5626 5.3).
    pub(super) fn send_over_flow(&mut self, route: &mut Route) {
        let token = route.flow.as_ref().and_then(NamedFlow::token);
        match token.and_then(|token| self.flow(token)) {
            Some(hop) => self.begin_transaction(route, hop),
            None => self.tell(route, SessionInput::FlowFailed),
        }
    }

    /// The live flow that a token names (RFC 5626 5.3).
    fn flow(&self, token: &[u8]) -> Option<NextHop> {
        if is_udp_token(token) {
            let remote = self.settings.udp_flow(token)?;
            let listener = self.settings.listeners.listener(Transport::Udp, remote);
            return listener.map(|_| NextHop::Udp { remote, own: None });
        }
        let source = self.flows.by_token(std::str::from_utf8(token).ok()?)?;
        let Source { transport, remote, connection, .. } = source;
        Some(NextHop::Stream { transport, connection: connection?, remote, own: None })
    }

    /// Whether the flow of a token carries messages in the clear.
    pub(super) fn is_flow_in_the_clear(&self, token: &[u8]) -> bool {
        is_udp_token(token) || self.flow(token).is_some_and(|hop| !hop.transport().secure())
    }

    /// Whether a token names a flow that can be sent over: a signed UDP token, or a live connection.
    pub fn is_flow(&self, token: &[u8]) -> bool {
        if is_udp_token(token) {
            return self.settings.udp_flow(token).is_some();
        }
        self.flow(token).is_some()
    }

    /// The token of the flow that a request came by (RFC 5626); `None` for connections that were opened from here.
    pub fn flow_token(&self, source: &Source) -> Option<String> {
        match source.connection {
            None => Some(self.settings.flow_tokens.sign(source.remote)),
            Some(_) => self.flows.token(source),
        }
    }

    /// The flow that a token names to a request from this source; a request that a script has made has none.
    pub fn token_flow(&self, token: &[u8], source: Option<&Source>) -> TokenFlow {
        let own = source.is_some_and(|source| match source.connection {
            None => {
                let named = self.settings.udp_flow(token);
                named.is_some_and(|it| it.ip() == source.remote.ip() && it.port() == source.remote.port())
            }
            Some(_) => self.flows.token(source).is_some_and(|own| own.as_bytes() == token),
        });
        match own {
            true => TokenFlow::Own,
            false if self.is_flow(token) => TokenFlow::Other,
            false => TokenFlow::None,
        }
    }

    /// What the Route header of a request means as it was received (RFC 3261 16.4, RFC 5626 5.3).
    pub fn loose_route(&self, request: &ReceivedRequest) -> LooseRouteOutcome {
        let (message, source) = (&request.message, &request.source);
        let contact = message.contact();
        let contact = contact.as_ref().map(|contact| contact.uri());
        let rules = LooseRoute {
            outbound: OutboundFacts::of(message, contact.as_ref(), source.inbound, false),
            aliases: &self.settings.aliases,
            ovid: self.settings.tags.ovid(),
        };
        let taken = message.strict_route().and_then(|text| UriRef::parse(text));
        let uris = message.routes().map(|(_, route)| route.uri());
        rules.apply(taken, uris, |token| self.token_flow(token, Some(source)))
    }
}

/// What a server has to prove for a request to this host, or to an address.
pub(super) fn proof(server: Option<&str>, remote: SocketAddr, profile: &Profile) -> ServerProof {
    ServerProof {
        name: match server {
            Some(host) => match host.parse() {
                Ok(ip) => ServerName::Ip(ip),
                Err(_) => ServerName::Domain(host.to_ascii_lowercase()),
            },
            None => ServerName::Ip(remote.ip()),
        },
        by_library: profile.verifies_by_library(),
        by_callback: profile.verifies_by_callback(),
    }
}
