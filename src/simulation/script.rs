//! The script of an element, and what it may ask the element.

use std::any::Any;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::client::session::Role;
use crate::client::{hop_count, Destination, IncomingFlow, NamedFlow, Profile, TOO_MANY_HOPS};
use crate::element::{
    AnchorId, CallId, ClientId, Element, Origin, Outcome, OwnRequestId, ProxyHeaders, ReceivedRequest, Reply,
    Round, RoundEnd, RouteRequest, Settings, TooDeep,
};
use crate::message::{reason_phrase, ConnectionId, HeaderName, Method, RequestSnapshot, Transport};
use crate::resolve::{Query, QueryTransport};

/// The script of an element: it decides what becomes of requests.
pub trait Script: Any + Send {
    /// A new request. The element is told when this returns
    /// ([`Element::request_done`], [`Element::release_request`]).
    fn on_request(&mut self, api: &mut Api<'_>, request: Arc<ReceivedRequest>);

    /// A round of a Client's blocks. The element is told how it ended ([`Element::round_done`]).
    fn round(&mut self, api: &mut Api<'_>, round: Round) -> RoundEnd {
        let _ = (api, round);
        RoundEnd::default()
    }

    /// A route has ended that the script waits for.
    fn call_ended(&mut self, api: &mut Api<'_>, call: CallId, outcome: Outcome) {
        let _ = (api, call, outcome);
    }

    /// The request of a route that the script waits for went out again, with this CSeq number.
    fn call_renumbered(&mut self, call: CallId, cseq: u32) {
        let _ = (call, cseq);
    }

    /// What the script holds for a route is needed no longer.
    fn released(&mut self, anchor: AnchorId) {
        let _ = anchor;
    }

    /// The certificates (DER, its own first) of a server that a connection goes to: whether they are accepted. Asked where a
    /// profile says so.
    fn on_tls_handshake(
        &mut self,
        api: &mut Api<'_>,
        connection: ConnectionId,
        certificates: &[Bytes],
    ) -> bool {
        let _ = (api, connection, certificates);
        true
    }

    /// A timer of [`Api::after`] fires.
    fn timer(&mut self, api: &mut Api<'_>, key: u64) {
        let _ = (api, key);
    }
}

/// What a script may do with its element.
#[derive(Debug)]
pub struct Api<'w> {
    element: &'w mut Element,
    now: Instant,
    since_start: Duration,
    pub(super) timers: Vec<(Duration, u64)>,
    /// What runs at the moment is not over when the script returns.
    pub(super) lingers: bool,
    /// In how many calls of [`Api::route`] the script is.
    depth: u32,
}

impl<'w> Api<'w> {
    /// For an element at a time, which is also given from the beginning of the run.
    pub(super) fn new(element: &'w mut Element, now: Instant, since_start: Duration) -> Api<'w> {
        Api { element, now, since_start, timers: Vec::new(), lingers: false, depth: 0 }
    }

    /// The time since the beginning of the run.
    pub fn now(&self) -> Duration {
        self.since_start
    }

    /// The element, to be looked at.
    pub fn element(&self) -> &Element {
        self.element
    }

    /// The settings of the element.
    pub fn settings(&self) -> Arc<Settings> {
        self.element.settings().clone()
    }

    /// A typed call of the element.
    pub fn step<R>(&mut self, call: impl FnOnce(&mut Element, Instant) -> R) -> R {
        call(self.element, self.now)
    }

    /// Lets [`Script::timer`] be called after some time.
    pub fn after(&mut self, time: Duration, key: u64) {
        self.timers.push((time, key));
    }

    /// The block that runs at the moment waits for something: it is not over when the script returns. What the round returns is
    /// left aside; [`Api::end_request`] or [`Api::end_round`] is due.
    pub fn linger(&mut self) {
        self.lingers = true;
    }

    /// `on_request` is over that has lingered.
    pub fn end_request(&mut self, request: &ReceivedRequest) {
        let id = request.id;
        self.step(|element, now| {
            element.request_done(now, id);
            element.release_request(id);
        });
    }

    /// A round is over that has lingered. What follows at once is run.
    pub fn end_round(&mut self, script: &mut dyn Script, round: &Round, end: RoundEnd) {
        let (client, route) = (round.client, round.route);
        let next = self.step(|element, now| element.round_done(now, client, route, end));
        self.run_rounds(script, next);
    }

    /// Replies to a request, with the usual reason phrase. False: the element refuses it.
    pub fn reply(&mut self, request: &Arc<ReceivedRequest>, status: u16) -> bool {
        let reply = Reply::new(status, reason_phrase(status).as_bytes());
        self.step(|element, now| element.reply(now, request, reply)).is_ok()
    }

    /// Replies to a request, with header lines and a body.
    pub fn reply_with(
        &mut self,
        request: &Arc<ReceivedRequest>,
        status: u16,
        lines: &[Bytes],
        body: &[u8],
    ) -> bool {
        let reply = Reply { status, reason: reason_phrase(status).as_bytes(), lines, body };
        self.step(|element, now| element.reply(now, request, reply)).is_ok()
    }

    /// A Client with these classes of blocks ([`CallbackClass::bit`](crate::client::session::CallbackClass::bit)).
    pub fn new_client(&mut self, blocks: u8) -> ClientId {
        self.step(|element, _| element.new_client(blocks))
    }

    /// Begins a route and runs the rounds that it begins with, before this returns, as the script's own call does.
    ///
    /// # Errors
    ///
    /// When it is nested too deep in rounds.
    pub fn route(&mut self, script: &mut dyn Script, ask: RouteRequest) -> Result<(), TooDeep> {
        let first = self.step(|element, now| element.route(now, ask))?;
        self.depth += 1;
        self.run_rounds(script, first);
        self.depth -= 1;
        Ok(())
    }

    /// Runs rounds one after the other, until the element has none at once.
    pub(super) fn run_rounds(&mut self, script: &mut dyn Script, first: Option<Round>) {
        let mut next = first;
        while let Some(round) = next {
            let (client, route) = (round.client, round.route);
            let outer = std::mem::take(&mut self.lingers);
            let end = script.round(self, round);
            if std::mem::replace(&mut self.lingers, outer) {
                return;
            }
            next = self.step(|element, now| element.round_done(now, client, route, end));
        }
    }

    /// A request as a proxy passes it on: without the Route values that are ours (RFC 3261 16.4), to where its Route, its
    /// Request-URI or the flow says, or to `destination`. `None`: its hop count is used up, which is answered.
    pub fn forwarding(
        &mut self,
        client: ClientId,
        profile: &Arc<Profile>,
        request: &Arc<ReceivedRequest>,
        destination: Option<Destination>,
    ) -> Option<RouteRequest> {
        let mut snapshot = RequestSnapshot::from_message(&request.message)?;
        let received = request.message.max_forwards().map(u32::from);
        let Some(max_forwards) = hop_count(received, None) else {
            if request.message.method().is_some_and(Method::is_answered) {
                self.reply(request, TOO_MANY_HOPS);
            }
            return None;
        };
        let loose = self.element().loose_route(request);
        for _ in 0..loose.strip {
            snapshot.headers.remove_top_value(HeaderName::Route);
        }
        let flow = (loose.incoming != IncomingFlow::None).then(|| NamedFlow::new(loose.flow_token));
        let destination = destination.unwrap_or_else(|| Destination::of_proxied(None, flow, &snapshot));
        Some(RouteRequest {
            client,
            role: Role::Proxy,
            profile: profile.clone(),
            request: snapshot,
            antiloop_id: Some(request.antiloop_id),
            origin: Origin::Network(request.clone()),
            proxy_headers: Some(ProxyHeaders {
                max_forwards,
                initial: request.message.to_tag().is_none(),
                outgoing_outbound: loose.outgoing_outbound,
                incoming_outbound: destination.flow_token().map(<[u8]>::to_vec),
            }),
            destination,
            restore: Default::default(),
            sips: false,
            credentials: Vec::new(),
            caller: None,
            anchor: AnchorId::NOTHING,
            inline: true,
            depth: self.depth,
        })
    }

    /// A request of the script's own, to `destination` or to where its Request-URI says.
    pub fn own_request(
        &self,
        client: ClientId,
        profile: &Arc<Profile>,
        id: OwnRequestId,
        request: RequestSnapshot,
        destination: Option<Destination>,
    ) -> RouteRequest {
        RouteRequest {
            client,
            role: Role::Uac,
            profile: profile.clone(),
            destination: destination.unwrap_or_else(|| Destination::of_own(None, &request)),
            request,
            antiloop_id: None,
            origin: Origin::Own(id),
            proxy_headers: None,
            restore: Default::default(),
            sips: false,
            credentials: Vec::new(),
            caller: None,
            anchor: AnchorId::NOTHING,
            inline: true,
            depth: self.depth,
        }
    }
}

/// By UDP to an address.
pub fn to_udp(address: SocketAddr) -> Destination {
    to(Transport::Udp, address)
}

/// By this transport to an address.
pub fn to(transport: Transport, address: SocketAddr) -> Destination {
    let host = address.ip().to_string();
    let transport = QueryTransport::Known(transport);
    Destination::Named(Query::from_destination(host.as_bytes(), Some(address.port()), Some(transport)))
}
