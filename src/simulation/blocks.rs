//! A script made of closures, as a Ruby script is made of blocks.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::script::{Api, Script};
use crate::client::digest::Credentials;
use crate::client::session::{Callback, CallbackClass};
use crate::client::{Destination, Failure, IncomingResponse, Profile};
use crate::element::{ClientId, Origin, OwnRequestId, ReceivedRequest, Round, RoundEnd, RouteRequest};
use crate::message::{ConnectionId, Message, RequestSnapshot};
use crate::resolve::Target;

/// Whether the certificates of a server are accepted.
type Verdict = Arc<dyn Fn(&[Bytes]) -> bool + Send + Sync>;

type Block = Arc<dyn Fn(&mut Turn<'_, '_>) + Send + Sync>;

/// A script made of closures: one for new requests, and one for each class of events of the Proxies that route them.
///
/// Without a closure for requests, each goes where its Route or its Request-URI says.
pub struct Blocks {
    profile: Arc<Profile>,
    on_request: Block,
    on: [Option<Block>; CallbackClass::ALL.len()],
    on_tls_handshake: Verdict,
    /// Blocks that wait for a time, by the numbers of their timers.
    waiting: BTreeMap<u64, Waiting>,
    /// The last number that was given.
    last: u64,
}

/// A block that waits for a time.
struct Waiting {
    context: Context,
    then: Then,
}

impl fmt::Debug for Blocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Blocks")
    }
}

impl Blocks {
    /// A script whose Proxies have this profile.
    pub fn new(profile: Profile) -> Blocks {
        Blocks {
            profile: Arc::new(profile),
            on_request: Arc::new(|turn| turn.route()),
            on: [const { None }; CallbackClass::ALL.len()],
            on_tls_handshake: Arc::new(|_| true),
            waiting: BTreeMap::new(),
            last: 0,
        }
    }

    /// A script that sends requests outside of dialogs to a destination. Those of dialogs, and ACKs of calls that were accepted,
    /// go where their Route or Request-URI says.
    pub fn relay_to(profile: Profile, destination: Destination) -> Blocks {
        Blocks::new(profile).on_request(move |turn| turn.relay_to(destination.clone()))
    }

    /// What is done with a new request.
    #[must_use]
    pub fn on_request(mut self, block: impl Fn(&mut Turn<'_, '_>) + Send + Sync + 'static) -> Blocks {
        self.on_request = Arc::new(block);
        self
    }

    /// What is done at the events of a class. Only those are shown to the script for which there is something to do.
    #[must_use]
    pub fn on(
        mut self,
        class: CallbackClass,
        block: impl Fn(&mut Turn<'_, '_>) + Send + Sync + 'static,
    ) -> Blocks {
        self.on[class as usize] = Some(Arc::new(block));
        self
    }

    /// `on_failure_response`
    #[must_use]
    pub fn on_failure(self, block: impl Fn(&mut Turn<'_, '_>) + Send + Sync + 'static) -> Blocks {
        self.on(CallbackClass::Failure, block)
    }

    /// `on_error`
    #[must_use]
    pub fn on_error(self, block: impl Fn(&mut Turn<'_, '_>) + Send + Sync + 'static) -> Blocks {
        self.on(CallbackClass::Error, block)
    }

    /// `on_tls_handshake`: whether the certificates (DER, its own first) of a server are accepted. Without it all are.
    #[must_use]
    pub fn on_tls_handshake(mut self, block: impl Fn(&[Bytes]) -> bool + Send + Sync + 'static) -> Blocks {
        self.on_tls_handshake = Arc::new(block);
        self
    }

    fn bits(&self) -> u8 {
        CallbackClass::ALL
            .iter()
            .filter(|class| self.on[**class as usize].is_some())
            .fold(0, |bits, class| bits | class.bit())
    }

    /// Runs something as a block that is about no event, such as one that sends a request of the script's own.
    pub fn run<R>(&mut self, api: &mut Api<'_>, block: impl FnOnce(&mut Turn<'_, '_>) -> R) -> R {
        let mut turn = Turn { api, blocks: self, context: Context::default() };
        let result = block(&mut turn);
        turn.let_go();
        result
    }

    fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Runs a block. `None`: it goes on later.
    fn turn(
        &mut self,
        api: &mut Api<'_>,
        context: Context,
        block: impl FnOnce(&mut Turn<'_, '_>),
    ) -> Option<RoundEnd> {
        let mut turn = Turn { api, blocks: self, context };
        block(&mut turn);
        let Context { waits, .. } = &mut turn.context;
        match waits.take() {
            Some((after, then)) => {
                let key = turn.blocks.number();
                turn.api.after(after, key);
                let context = std::mem::take(&mut turn.context);
                turn.blocks.waiting.insert(key, Waiting { context, then });
                None
            }
            None => {
                turn.let_go();
                Some(std::mem::take(&mut turn.context.end))
            }
        }
    }
}

impl Script for Blocks {
    fn on_request(&mut self, api: &mut Api<'_>, request: Arc<ReceivedRequest>) {
        let block = self.on_request.clone();
        let context = Context { request: Some(request), ..Context::default() };
        if self.turn(api, context, |turn| block(turn)).is_none() {
            api.linger();
        }
    }

    fn round(&mut self, api: &mut Api<'_>, round: Round) -> RoundEnd {
        let Some(block) = self.on[round.callback.class() as usize].clone() else {
            return RoundEnd::default();
        };
        let (request, client) = (round.upstream.clone(), Some(round.client));
        let context = Context { request, client, round: Some(round), ..Context::default() };
        let end = self.turn(api, context, |turn| block(turn));
        end.unwrap_or_else(|| {
            api.linger();
            RoundEnd::default()
        })
    }

    fn on_tls_handshake(&mut self, _: &mut Api<'_>, _: ConnectionId, certificates: &[Bytes]) -> bool {
        (self.on_tls_handshake)(certificates)
    }

    fn timer(&mut self, api: &mut Api<'_>, key: u64) {
        let Some(Waiting { context, then }) = self.waiting.remove(&key) else { return };
        let (round, request) = (context.round.clone(), context.request.clone());
        let Some(end) = self.turn(api, context, then) else { return };
        match (round, request) {
            (Some(round), _) => api.end_round(self, &round, end),
            (None, Some(request)) => api.end_request(&request),
            (None, None) => {}
        }
    }
}

type Then = Box<dyn FnOnce(&mut Turn<'_, '_>) + Send>;

/// What a run of a block is about, and what it has made of it.
#[derive(Default)]
struct Context {
    request: Option<Arc<ReceivedRequest>>,
    client: Option<ClientId>,
    round: Option<Round>,
    end: RoundEnd,
    /// The Clients that were made in it.
    made: Vec<ClientId>,
    /// After which time it goes on, and with what.
    waits: Option<(Duration, Then)>,
}

/// One run of a block: what it is about, and what the block may do.
pub struct Turn<'t, 'w> {
    api: &'t mut Api<'w>,
    blocks: &'t mut Blocks,
    context: Context,
}

impl fmt::Debug for Turn<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Context { client, round, .. } = &self.context;
        f.debug_struct("Turn").field("client", client).field("round", round).finish_non_exhaustive()
    }
}

impl<'w> Turn<'_, 'w> {
    /// The script has let go of the Clients that it has made.
    fn let_go(&mut self) {
        for client in std::mem::take(&mut self.context.made) {
            self.api.step(|element, _| element.release_client(client));
        }
    }

    /// The block goes on after some time, as one that waits for something else: its event is not over before. It is the last
    /// thing that a block says.
    pub fn wait(&mut self, time: Duration, then: impl FnOnce(&mut Turn<'_, '_>) + Send + 'static) {
        self.context.waits = Some((time, Box::new(then)));
    }

    /// What else the script may do.
    pub fn api(&mut self) -> &mut Api<'w> {
        self.api
    }

    /// The round that the event belongs to; `None` in `on_request`.
    pub fn round(&self) -> Option<&Round> {
        self.context.round.as_ref()
    }

    /// The request.
    ///
    /// # Panics
    ///
    /// When the event is about none from the network.
    pub fn request(&self) -> &Arc<ReceivedRequest> {
        self.context.request.as_ref().expect("an event about a request from the network")
    }

    /// The response that the event is about.
    pub fn response(&self) -> Option<&Arc<IncomingResponse>> {
        self.context.round.as_ref()?.callback.response()
    }

    /// The status of the response that the event is about, as the script sees it; 0 where there is none.
    pub fn status(&self) -> u16 {
        match self.context.round.as_ref().map(|round| &round.callback) {
            Some(Callback::Failure(_, status)) => *status,
            Some(callback) => callback.response().and_then(|response| response.status()).unwrap_or(0),
            None => 0,
        }
    }

    /// Why the routing has failed that the event is about.
    pub fn failure(&self) -> Option<&Failure> {
        match &self.context.round.as_ref()?.callback {
            Callback::Error(failure) => Some(failure),
            _ => None,
        }
    }

    /// The target in use.
    pub fn target(&self) -> Option<Target> {
        self.context.round.as_ref()?.target
    }

    /// Replies to the request, with the usual reason phrase. False: the element refuses it.
    pub fn reply(&mut self, status: u16) -> bool {
        let request = self.request().clone();
        self.api.reply_with(&request, status, &[], b"")
    }

    /// Replies to the request, with header lines.
    pub fn reply_with(&mut self, status: u16, lines: &[&'static str]) -> bool {
        let lines: Vec<Bytes> = lines.iter().map(|line| Bytes::from_static(line.as_bytes())).collect();
        let request = self.request().clone();
        self.api.reply_with(&request, status, &lines, b"")
    }

    /// The Proxy of the event; in `on_request` one that is made when it is asked for.
    pub fn proxy(&mut self) -> ClientId {
        match self.context.client {
            Some(client) => client,
            None => {
                let client = self.new_proxy();
                self.context.client = Some(client);
                client
            }
        }
    }

    /// Another Proxy, with the same blocks.
    pub fn new_proxy(&mut self) -> ClientId {
        let client = self.api.new_client(self.blocks.bits());
        self.context.made.push(client);
        client
    }

    /// Routes the request to where its Route or its Request-URI says.
    pub fn route(&mut self) {
        let client = self.proxy();
        self.route_by(client, None);
    }

    /// Routes the request to a destination.
    pub fn route_to(&mut self, destination: Destination) {
        let client = self.proxy();
        self.route_by(client, Some(destination));
    }

    /// Routes a request outside of a dialog to a destination, any other one to where its Route or its Request-URI says.
    pub fn relay_to(&mut self, destination: Destination) {
        let of_dialog = self.request().message.to_tag().is_some();
        let client = self.proxy();
        self.route_by(client, Some(destination).filter(|_| !of_dialog));
    }

    /// Routes the request by a Client of one's choice.
    pub fn route_by(&mut self, client: ClientId, destination: Option<Destination>) {
        let request = self.request().clone();
        let profile = self.blocks.profile.clone();
        if let Some(ask) = self.api.forwarding(client, &profile, &request, destination) {
            self.api.route(self.blocks, ask).ok();
        }
    }

    /// Sends a request of the script's own by a Client, to a destination or to where its Request-URI says. Nested too deep in
    /// blocks, it is not sent.
    pub fn send(&mut self, client: ClientId, request: RequestSnapshot, destination: Option<Destination>) {
        let id = OwnRequestId(self.blocks.number());
        self.send_again(client, id, request, destination, Vec::new());
    }

    /// The same for a request that has a number already, as one that is routed again has, and with credentials.
    pub fn send_again(
        &mut self,
        client: ClientId,
        id: OwnRequestId,
        request: RequestSnapshot,
        destination: Option<Destination>,
        credentials: Vec<Credentials>,
    ) {
        let profile = self.blocks.profile.clone();
        let ask = self.api.own_request(client, &profile, id, request, destination);
        self.api.route(self.blocks, RouteRequest { credentials, ..ask }).ok();
    }

    /// Sends the ACK for a 2xx that the Client of the event has received; `ruri` is the Request-URI of its INVITE. False: it is
    /// no 2xx to an INVITE.
    pub fn acknowledge(&mut self, response: &Message, ruri: &Bytes) -> bool {
        let (client, profile) = (self.proxy(), self.blocks.profile.clone());
        self.api.step(|element, now| element.acknowledge(now, client, &profile, response, ruri, None)).is_ok()
    }

    /// `drop_response`: what the event would send upstream is not sent.
    pub fn drop_response(&mut self) {
        self.context.end.dropped = true;
    }

    /// `abort_routing`: no further target is tried.
    pub fn abort_routing(&mut self) {
        self.context.end.aborted = true;
    }

    /// `cancel`: inside of a block for the request of its event, outside for all that the Proxy has pending.
    pub fn cancel(&mut self) {
        let client = self.proxy();
        let origin = self.context.round.as_ref().and(self.context.request.clone()).map(Origin::Network);
        self.api.step(|element, now| element.cancel(now, client, origin.as_ref()));
    }
}
