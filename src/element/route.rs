//! One `route` of a Client: the request that it sends, the [`Session`] that decides where to, and who wants to hear of the end.
//!
//! The session is the machine between targets, responses and blocks; it knows no message but responses. The route is what a
//! session is about: the request with what is added to it and what is remembered of it. The element steps both together.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use thiserror::Error;

use super::ids::{AnchorId, CallId, ClientId, OriginId, OwnRequestId, RequestId, RouteId};
use super::outgoing::{Departing, ProxyHeaders};
use super::output::{OwnRequest, Round};
use super::received_request::ReceivedRequest;
use super::searches::Search;
use crate::client::digest::{Authenticator, Credentials};
use crate::client::session::{Callback, RequestClass, Role, Session, SessionInput};
use crate::client::{
    Blacklist, Destination, Failure, IncomingResponse, NamedFlow, ProbeKey, Profile, RestoreHeaders,
};
use crate::message::{
    is_sips, HeaderField, HeaderName, Headers, Message, Method, RequestSnapshot, ResponseSnapshot, Transport,
};
use crate::resolve::{Query, QueryTransport, Target};
use crate::transaction::Timings;

/// Where a request comes from that is routed. Routes of the same request belong together.
#[derive(Debug, Clone)]
pub enum Origin {
    /// From the network: a proxy's.
    Network(Arc<ReceivedRequest>),
    /// From the script: a Uac's.
    Own(OwnRequestId),
}

impl Origin {
    /// The request from the network.
    pub fn upstream(&self) -> Option<&Arc<ReceivedRequest>> {
        match self {
            Origin::Network(request) => Some(request),
            Origin::Own(_) => None,
        }
    }

    /// The name of the request.
    pub(super) fn id(&self) -> OriginId {
        match self {
            Origin::Network(request) => OriginId::Network(request.id),
            Origin::Own(id) => OriginId::Own(*id),
        }
    }
}

/// Somebody who waits for the end of a route.
#[derive(Debug, Clone, Copy)]
pub struct Caller {
    /// Who.
    pub call: CallId,
    /// For how long; then the request is cancelled.
    pub limit: Option<Duration>,
    /// In a block of the same Client: the route does not wait for the end of that block.
    pub in_block: bool,
}

/// What a `route` of a Client is begun with.
#[derive(Debug)]
pub struct RouteRequest {
    /// The Client.
    pub client: ClientId,
    /// Proxy or Uac.
    pub role: Role,
    /// The profile, as read when `route` was called.
    pub profile: Arc<Profile>,
    /// The request as the script left it.
    pub request: RequestSnapshot,
    /// Marks our branches (RFC 3261 16.6 step 8). `None`: the request is new wherever it arrives, our own listener included, so
    /// that nothing marks it as a loop.
    pub antiloop_id: Option<[u8; 32]>,
    /// Where the request comes from.
    pub origin: Origin,
    /// Routing headers and hop count: set in a proxy.
    pub proxy_headers: Option<ProxyHeaders>,
    /// Where to.
    pub destination: Destination,
    /// From and To values to put back into responses, where the script changed them.
    pub restore: RestoreHeaders,
    /// It is for a SIPS resource, though the Request-URI, which a strict router has taken, may not say so.
    pub sips: bool,
    /// What challenges are answered with: set in a Uac.
    pub credentials: Vec<Credentials>,
    /// Who waits for the end.
    pub caller: Option<Caller>,
    /// What keeps the script's objects alive.
    pub anchor: AnchorId,
    /// The caller runs the first rounds of blocks itself. Else they come with the outputs.
    pub inline: bool,
    /// In how many other `route` calls this one is made: in a block of a block, and so on.
    pub depth: u32,
}

/// How deep `route` may be nested.
pub(super) const DEEPEST_NESTING: u32 = 32;

/// `route` is called in blocks that `route` runs, and so on without an end in sight. The request is not sent. A Proxy's has been
/// answered 500.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("route is nested more than {DEEPEST_NESTING} deep in callbacks")]
pub struct TooDeep;

impl RouteRequest {
    /// The flow that a request of a dialog for a SIPS resource would leave by.
    pub(super) fn flow_of_sips_dialog(&self) -> Option<&[u8]> {
        let token = self.destination.flow_token()?;
        let in_dialog = self.proxy_headers.as_ref().is_some_and(|headers| !headers.initial);
        (in_dialog && is_sips(&self.request.ruri)).then_some(token)
    }

    /// It leaves its flow alone: like a request whose flow is gone, it goes where its Route or Request-URI says.
    pub(super) fn leave_flow(&mut self) {
        if let Some(headers) = &mut self.proxy_headers {
            headers.incoming_outbound = None;
        }
        self.destination = Destination::of_request(&self.request, true);
    }
}

/// A body and its type.
#[derive(Debug, Clone)]
pub struct Body {
    /// The bytes.
    pub bytes: Bytes,
    /// The value of Content-Type.
    pub content_type: Bytes,
}

/// Why no ACK is sent for a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AcknowledgeError {
    /// RFC 3261 13.2.2.4.
    #[error("only a 2xx response to an INVITE is acknowledged")]
    NoSuccessOfInvite,
    /// The element has met a defect, which has ended what the Client had under way.
    #[error("the Client's requests have ended by a defect")]
    Defect,
}

/// How a round of blocks ended.
#[derive(Debug, Default)]
pub struct RoundEnd {
    /// `drop_response` was called: what this event would send upstream is not sent.
    pub dropped: bool,
    /// `abort_routing` was called.
    pub aborted: bool,
    /// The request as it is now, with what responses to it get back.
    pub request: Option<(RequestSnapshot, RestoreHeaders)>,
    /// The response that the blocks saw, as they left it.
    pub response: Option<ResponseSnapshot>,
}

/// A routing under way.
pub(super) struct Route {
    pub(super) id: RouteId,
    pub(super) client: ClientId,
    pub(super) role: Role,
    pub(super) origin: Origin,
    pub(super) request: RequestSnapshot,
    pub(super) antiloop_id: [u8; 32],
    pub(super) session: Session,
    /// The flow that it goes over, if it goes over one.
    pub(super) flow: Option<NamedFlow>,
    /// The host that the request is for; `None` when it is just the address that it is sent to, or a flow.
    pub(super) server: Option<String>,
    pub(super) authenticator: Authenticator,
    /// The CSeq number after an answer to a challenge.
    pub(super) sent_cseq: Option<u32>,
    pub(super) caller: Option<Caller>,
    /// The caller was told of the end.
    call_ended: bool,
    /// The To tag of the 2xx that the caller gets.
    accepted: Option<Box<[u8]>>,
    /// Nobody wants an answer any more.
    pub(super) given_up: bool,
    /// The script has cancelled it.
    pub(super) canceled: bool,
    /// The target that it is the probe of.
    pub(super) probe: Option<(ProbeKey, Arc<()>)>,
    /// The probe that it waits for, and until when it may.
    pub(super) probe_wait: Option<(ProbeKey, Instant)>,
    /// What the blocks made of the response of the present event.
    pub(super) edited: Option<ResponseSnapshot>,
    /// Rounds are handed to the caller of the present step.
    pub(super) inline: bool,
    anchor: AnchorId,
    proxy_headers: Option<ProxyHeaders>,
    restore: RestoreHeaders,
    /// The request goes where its first Route says.
    by_route: bool,
    /// It is for a SIPS resource, whatever its Request-URI is.
    sips: bool,
    /// The script has named the transport: what goes out in the clear is its decision.
    transport_named: bool,
    /// The destination names UDP.
    insists_on_udp: bool,
    callback: Option<Callback>,
    target: Option<Target>,
    /// Until it is answered.
    pub(super) search: Option<Search>,
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route").field("id", &self.id).field("session", &self.session).finish_non_exhaustive()
    }
}

impl Route {
    /// Takes the request; where it goes is to be found out.
    pub(super) fn new(
        id: RouteId,
        ask: RouteRequest,
        antiloop_id: [u8; 32],
        timings: &Timings,
        search: Search,
    ) -> (Box<Self>, Destination) {
        let class = match ask.request.method {
            Method::Invite => RequestClass::Invite,
            Method::Ack => RequestClass::Ack,
            _ => RequestClass::NonInvite,
        };
        let mut session = Session::new(ask.role, class, ask.profile, timings.transaction_timeout());
        if ask.request.to_tag().is_some() {
            session.set_in_dialog();
        }
        let route = Box::new(Self {
            id,
            client: ask.client,
            role: ask.role,
            origin: ask.origin,
            request: ask.request,
            antiloop_id,
            session,
            flow: None,
            server: None,
            authenticator: Authenticator::new(ask.credentials),
            sent_cseq: None,
            caller: ask.caller,
            call_ended: false,
            accepted: None,
            given_up: false,
            canceled: false,
            probe: None,
            probe_wait: None,
            edited: None,
            inline: ask.inline,
            anchor: ask.anchor,
            proxy_headers: ask.proxy_headers,
            restore: ask.restore,
            by_route: matches!(ask.destination, Destination::Route(_)),
            sips: ask.sips,
            transport_named: matches!(&ask.destination, Destination::Named(query) if query.transport.is_some()),
            insists_on_udp: false,
            callback: None,
            target: None,
            search: Some(search),
        });
        (route, ask.destination)
    }

    /// Notes what the destination says beyond targets.
    pub(super) fn head_for(&mut self, query: &Query) {
        self.server = query.server();
        self.insists_on_udp = query.transport == Some(QueryTransport::Known(Transport::Udp));
    }

    pub(super) fn profile(&self) -> &Arc<Profile> {
        self.session.profile()
    }

    pub(super) fn upstream(&self) -> Option<RequestId> {
        self.origin.upstream().map(|request| request.id)
    }

    pub(super) fn anchor(&self) -> AnchorId {
        self.anchor
    }

    /// Begins a round of blocks.
    pub(super) fn begin_round(&mut self, callback: Callback) {
        if let Callback::Target(target) = &callback {
            self.target = Some(*target);
        }
        self.callback = Some(callback);
        // What the blocks of an earlier event made of its response is no longer wanted.
        self.edited = None;
    }

    /// The round as the script sees it.
    pub(super) fn round(&self) -> Option<Round> {
        let callback = self.callback.clone()?;
        Some(Round {
            client: self.client,
            route: self.id,
            role: self.role,
            anchor: self.anchor,
            answers: self.session.answers(&callback),
            callback,
            target: self.target,
            changed_cseq: self.sent_cseq,
            upstream: self.origin.upstream().cloned(),
            own: self.own_request(),
        })
    }

    fn own_request(&self) -> Option<OwnRequest> {
        if self.origin.upstream().is_some() {
            return None;
        }
        let call_id = self.request.headers.iter().find(|field| field.name == HeaderName::CallId);
        Some(OwnRequest {
            method: self.request.method.clone(),
            ruri: self.request.ruri.clone(),
            call_id: call_id.map(HeaderField::shared_value),
        })
    }

    /// The round is over. Hands out what its blocks were for.
    pub(super) fn end_round(&mut self, end: &mut RoundEnd) -> Option<Callback> {
        if let Some((request, restore)) = end.request.take() {
            self.request = request;
            self.restore = restore;
        }
        self.edited = end.response.take();
        self.callback.take()
    }

    /// The request, as far as it is the same for each target.
    pub(super) fn departing(&self) -> Departing<'_> {
        Departing {
            role: self.role,
            request: &self.request,
            by_route: self.by_route,
            proxy_headers: self.proxy_headers.as_ref(),
            profile: self.session.profile(),
            upstream: self.origin.upstream().map(|request| &**request),
            sips: self.is_sips(),
            flow_token: None,
        }
    }

    /// Whether the request is for a SIPS resource. The Request-URI as it is now counts, before a strict router's takes its place.
    fn is_sips(&self) -> bool {
        self.sips || is_sips(&self.request.ruri)
    }

    /// Whether it leaves by TLS, whichever URI names the next hop (RFC 3261 8.1.2, 16.6 step 7; RFC 5630). A script that names a
    /// transport takes that on itself.
    pub(super) fn is_bound_to_tls(&self) -> bool {
        self.is_sips() && !self.transport_named
    }

    /// Whether the request may leave by this transport.
    pub(super) fn may_leave_by(&self, transport: Transport) -> bool {
        transport.secure() || !self.is_bound_to_tls()
    }

    /// Whether a request that is too large for UDP may go by TCP instead (RFC 3261 18.1.1). An ACK stays on UDP: it has no
    /// transaction that could notice that TCP was refused.
    pub(super) fn may_leave_udp(&self) -> bool {
        !self.insists_on_udp && self.request.method != Method::Ack
    }

    /// How long a branch may wait that would wait for `wanted`; `None` when it has that time. What is over a little later by
    /// itself is left to its own timer.
    pub(super) fn limit(&self, now: Instant, timings: &Timings) -> Option<Duration> {
        let profile = self.session.profile();
        let wanted = match self.request.method {
            Method::Invite => profile.timer_b.min(profile.timer_c),
            _ => profile.timer_f,
        };
        let left = self.session.deadline()?.saturating_duration_since(now);
        (wanted > left + timings.t1).then_some(left)
    }

    /// Whether its responses go upstream as they are but for our Via, when no block has looked at them.
    pub(super) fn passes_on(&self) -> bool {
        self.restore.is_empty()
    }

    /// The response as it goes upstream when no block has looked at it: without our Via.
    pub(super) fn upstream_form(&self, response: &IncomingResponse) -> Option<ResponseSnapshot> {
        let mut snapshot = ResponseSnapshot::from_message(response)?;
        snapshot.headers.remove_top_value(HeaderName::Via);
        self.restore.apply(&mut snapshot.headers, response.to_tag());
        Some(snapshot)
    }

    /// The CSeq number that the request goes out with.
    pub(super) fn cseq(&self) -> Option<u32> {
        self.sent_cseq.or_else(|| self.request.cseq())
    }

    /// Puts the answers to challenges into a copy that is about to leave. `of_invite` are those of the INVITE that an ACK is
    /// for.
    pub(super) fn authenticate(&self, request: &mut RequestSnapshot, of_invite: &[(HeaderName, Bytes)]) {
        if let Some(number) = self.sent_cseq {
            let value = [number.to_string().as_bytes(), b" ", request.method.as_bytes()].concat();
            request.headers.replace(HeaderName::CSeq, &value);
        }
        for (name, value) in self.authenticator.headers() {
            request.headers.push(name.canonical().as_bytes(), value);
        }
        // RFC 3261 22.1: the ACK carries the credentials of its INVITE, since nobody can challenge it.
        if self.role == Role::Uac && request.method == Method::Ack {
            for (name, value) in of_invite {
                request.headers.push(name.canonical().as_bytes(), value);
            }
        }
    }

    /// Nothing is sent for this route any more, though further 2xx may come for half a minute: the request can go.
    pub(super) fn slim_down(&mut self) {
        if self.session.is_answered() {
            self.request.headers = Headers::new();
            self.request.body = Bytes::new();
        }
    }

    /// Takes an input for the session. One that was cancelled meanwhile is treated so, whichever comes first.
    pub(super) fn handle(&mut self, now: Instant, list: &mut Blacklist, canceled: bool, input: SessionInput) {
        if canceled {
            self.session.note_canceled();
        }
        self.session.handle(now, list, input);
    }

    /// Whether blocks for `on_canceled` run when the script cancels it: CANCEL has an effect on INVITEs alone (RFC 3261 9.1), and
    /// a Proxy's are for the CANCEL of the client.
    pub(super) fn hears_of_cancel(&self) -> bool {
        self.role == Role::Uac && self.request.method == Method::Invite
    }

    /// Says why the request has failed that neither a block nor a thread hears of. The client of a Proxy does, but not of an ACK.
    /// A script that has cancelled the request knows.
    pub(super) fn log_unheard(&self, failure: &Failure) {
        let request = &self.request;
        let is_answered = self.role == Role::Proxy && request.method != Method::Ack;
        if is_answered || *failure == Failure::canceled() {
            return;
        }
        let text = String::from_utf8_lossy;
        let (method, ruri) = (text(request.method.as_bytes()), text(&request.ruri));
        let call_id = text(request.call_id().unwrap_or_default());
        let Failure { status, reason, .. } = failure;
        tracing::info!(target: "oversip::request",
            "{method} {ruri} (Call-ID {call_id}) has failed, and no on_error hears of it: {status} {reason}");
    }

    /// Who waits for its end is told, or was told of it before.
    pub(super) fn end_call(&mut self) {
        self.call_ended = true;
    }

    /// Whether the 2xx to an INVITE is the one that the caller gets, or that one again. The first one is, unless the caller has
    /// given up or was told that the callee has rung for too long.
    pub(super) fn is_callers(&mut self, response: &Message) -> bool {
        let tag = response.to_tag().unwrap_or_default();
        match &self.accepted {
            Some(accepted) => **accepted == *tag,
            None if self.given_up || self.call_ended => false,
            None => {
                self.accepted = Some(tag.into());
                true
            }
        }
    }

    /// Whether the response may be acknowledged for somebody who waits.
    pub(super) fn is_called_invite(&self, response: &Message) -> bool {
        self.caller.is_some()
            && self.role == Role::Uac
            && self.request.method == Method::Invite
            && response.cseq_method() == Some(&Method::Invite)
    }
}
