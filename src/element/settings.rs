//! What an element is made with. Nothing here changes while it lives.

use std::net::{IpAddr, SocketAddr};

use super::listeners::{Listener, Listeners};
use super::output::OwnAddress;
use crate::client::session::Role;
use crate::client::{local_uri, port_for, read_unsigned, DialogKey, FlowTokenKey, LocalAliases, ProcessTags};
use crate::message::{Message, NameAddrRef, Source, Transport, UriRef};
use crate::transaction::Timings;

/// Bounds of what waits for the script. Beyond those of requests new ones get 503 with Retry-After; what was admitted is never
/// dropped. Requests of dialogs have a reserve above them ([`Limits::with_reserve`]).
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Requests that may wait for the script.
    pub queued_requests: usize,
    /// Bytes of the requests that may wait for the script; so many of certificates may wait as well.
    pub queued_bytes: usize,
    /// ACKs without a transaction that may wait for the script; beyond it they are dropped.
    pub queued_acks: usize,
    /// Bytes of those ACKs.
    pub queued_ack_bytes: usize,
    /// Provisional responses that may wait for one Client; beyond it they are dropped.
    pub client_responses: usize,
    /// Bytes of the responses that may wait for one Client, from which on provisional ones are dropped.
    pub client_bytes: usize,
    /// Bytes of the responses that may wait for all Clients together.
    pub response_bytes: usize,
    /// Server and client transactions together that may be alive.
    pub transactions: usize,
}

impl Limits {
    /// The bounds of requests of dialogs: a quarter more, and one at least.
    pub fn with_reserve(&self) -> Limits {
        let with_reserve = |bound: usize| bound.saturating_add(bound.div_ceil(4).max(1));
        Limits {
            queued_requests: with_reserve(self.queued_requests),
            queued_bytes: with_reserve(self.queued_bytes),
            transactions: with_reserve(self.transactions),
            ..*self
        }
    }
}

/// What new requests meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Not ready yet: 500 with Retry-After.
    Loading,
    /// Processed.
    Running,
    /// Stopping: 500 with Retry-After; what is under way goes on.
    Terminating,
}

/// The families of IP addresses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AddressFamilies {
    /// IPv4.
    pub ipv4: bool,
    /// IPv6.
    pub ipv6: bool,
}

impl AddressFamilies {
    /// Whether the family of this address is one of them.
    pub fn has(&self, ip: IpAddr) -> bool {
        if ip.is_ipv4() {
            self.ipv4
        } else {
            self.ipv6
        }
    }
}

/// Whether an address is reached from loopback listeners.
pub fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// What an element is made with.
#[derive(Debug)]
pub struct Settings {
    /// Tells elements of one process apart.
    pub element: u16,
    /// The base values of all timers.
    pub timings: Timings,
    /// The marks of this process.
    pub tags: ProcessTags,
    /// The names that are ours.
    pub aliases: LocalAliases,
    /// Our listeners.
    pub listeners: Listeners,
    /// The key that signs UDP flow tokens.
    pub flow_tokens: FlowTokenKey,
    /// The key of the codes in Record-Route values.
    pub dialog_key: DialogKey,
    /// Requests inside a dialog are refused that show no code of a Record-Route value of ours.
    pub require_own_route: bool,
    /// The original's unsigned UDP flow tokens are taken too.
    pub accept_unsigned_flow_tokens: bool,
    /// What `Server` and `User-Agent` headers say.
    pub product: String,
    /// Bounds at admission.
    pub limits: Limits,
    /// The families without a configured address: if their listeners are on loopback, a Uac's requests leave for other hosts
    /// from the address that the system's routing picks.
    pub sending: AddressFamilies,
}

impl Settings {
    /// The address that a UDP flow token names, if it is one of ours.
    pub(super) fn udp_flow(&self, token: &[u8]) -> Option<SocketAddr> {
        let signed = self.flow_tokens.verify(token);
        signed.or_else(|| self.accept_unsigned_flow_tokens.then(|| read_unsigned(token)).flatten())
    }

    /// Whether the Route at the top of a request, as it was received, is ours and carries the code of the request's dialog.
    pub fn own_route(&self, request: &Message) -> bool {
        self.dialog_key.is_shown_by(request, |uri| self.is_own(uri))
    }

    /// Whether a URI is one that we wrote, or names this server.
    fn is_own(&self, uri: &UriRef<'_>) -> bool {
        uri.ovid().is_some_and(|ovid| self.tags.check_ovid(ovid)) || local_uri(uri, &self.aliases)
    }

    /// Whether a Record-Route value is one that we have written.
    pub(super) fn has_recorded(&self, value: &[u8]) -> bool {
        NameAddrRef::parse(value).is_some_and(|value| self.is_own(&value.uri()))
    }

    /// A request whose Request-URI is a Record-Route value of ours comes from a strict router: as a loose one would have sent it
    /// (RFC 3261 16.4). Whose `ovid` it is does not matter where the URI names this server: it changes at a restart.
    pub(super) fn undo_strict_routing(&self, request: Message) -> Message {
        let Some(uri) = request.ruri().filter(|_| request.has_routes()) else { return request };
        if uri.ovid().is_none() || !self.is_own(&uri) {
            return request;
        }
        request.from_strict_router().unwrap_or(request)
    }

    /// A request whose Request-URI leads here by its `maddr`, and by the port and the transport that it came by, as if it had
    /// none of them (RFC 3261 16.4). One that came by others goes on to those first.
    pub(super) fn strip_own_maddr(&self, request: Message, source: &Source) -> Message {
        let is_here = |uri: UriRef<'_>| {
            let own = uri.maddr().flatten().is_some_and(|host| self.aliases.has_host(&host));
            own && port_for(&uri, source.transport)
                .is_some_and(|port| self.listeners.came_by_port(source, port))
        };
        if !request.ruri().is_some_and(is_here) {
            return request;
        }
        request.without_maddr().unwrap_or(request)
    }

    pub(super) fn antiloop_id(&self, message: &Message) -> [u8; 32] {
        let route = message.routes().next().map(|(_, route)| route.uri().text);
        let ruri = message.ruri().map_or(&b""[..], |uri| uri.text);
        self.tags.antiloop_id(ruri, message.call_id().unwrap_or_default(), route)
    }

    /// The loopback address of the listeners, where they do not reach this address.
    pub(super) fn unreached(&self, role: Role, remote: SocketAddr) -> Option<OwnAddress> {
        let loopback = self.only_loopback(remote)?;
        (!is_loopback(remote.ip())).then_some(OwnAddress { role, loopback })
    }

    /// Whether the listeners reach this address.
    pub fn reaches(&self, role: Role, remote: SocketAddr) -> bool {
        self.unreached(role, remote).is_none()
    }

    /// The address of the listeners of a family, if all are on loopback.
    fn only_loopback(&self, family: SocketAddr) -> Option<IpAddr> {
        let of_family = |listener: &&Listener| {
            !listener.transport.websocket() && listener.local.is_ipv4() == family.is_ipv4()
        };
        let mut locals = self.listeners.iter().filter(of_family).map(|listener| listener.local.ip());
        let first = locals.next()?;
        (is_loopback(first) && locals.all(is_loopback)).then_some(first)
    }

    /// From which address a request leaves whose target the listeners on loopback do not reach; `source` is the address from which
    /// the system's routing reaches it. `Some(None)`: from the listeners after all, since this machine's own addresses are reached
    /// from loopback. `None`: the request may not leave from there.
    pub fn leaves_from(&self, allowed: OwnAddress, remote: IpAddr, source: IpAddr) -> Option<Option<IpAddr>> {
        if source == remote || is_loopback(source) {
            return Some(None);
        }
        (allowed.role == Role::Uac && self.sending.has(source)).then_some(Some(source))
    }

    /// Whether a message came to a socket that was opened to send from it: nobody was told that we listen there.
    pub(super) fn came_to_sender(&self, source: &Source) -> bool {
        let local = source.local.ip();
        self.sending.has(local)
            && !is_loopback(local)
            && self.only_loopback(source.local).is_some()
            && (source.transport == Transport::Udp || !source.inbound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{ListenerNames, DIALOG_CODE_LEN};

    fn settings(listening: &[&str]) -> Settings {
        let listener = |local: &&str| {
            let local: SocketAddr = local.parse().unwrap();
            let names = ListenerNames::new(Transport::Udp, &local.ip().to_string(), local.port(), "0");
            Listener { transport: Transport::Udp, local, names }
        };
        let key = [7; DIALOG_CODE_LEN + 32];
        Settings {
            element: 0,
            timings: Timings::default(),
            tags: ProcessTags::random(&mut crate::random::Random::from_number(1)),
            aliases: LocalAliases::new(&[], &Default::default(), &Default::default()),
            listeners: Listeners::new(listening.iter().map(listener).collect()),
            flow_tokens: FlowTokenKey::from_bytes(&key).unwrap(),
            dialog_key: DialogKey::from_bytes(&key).unwrap(),
            require_own_route: false,
            accept_unsigned_flow_tokens: false,
            product: String::new(),
            limits: Limits {
                queued_requests: 1,
                queued_bytes: 1,
                queued_acks: 1,
                queued_ack_bytes: 1,
                client_responses: 1,
                client_bytes: 1,
                response_bytes: 1,
                transactions: 1,
            },
            sending: AddressFamilies { ipv4: true, ipv6: true },
        }
    }

    #[test]
    fn nothing_else_is_sent_from_where_a_listener_is_reachable() {
        let settings = settings(&["192.0.2.1:5060", "127.0.0.1:5061"]);
        assert!(settings.reaches(Role::Uac, "192.0.2.9:5060".parse().unwrap()));
    }

    #[test]
    fn loopback_is_reached_from_loopback_and_nothing_else_is() {
        let settings = settings(&["127.0.0.1:5060", "[::1]:5060"]);
        for near in ["127.0.0.1:9", "127.9.9.9:9", "[::1]:9", "[::ffff:127.0.0.1]:9"] {
            assert!(settings.reaches(Role::Uac, near.parse().unwrap()), "{near}");
        }
        for far in ["192.0.2.9:9", "[2001:db8::1]:9"] {
            assert!(!settings.reaches(Role::Proxy, far.parse().unwrap()), "{far}");
        }
    }
}
