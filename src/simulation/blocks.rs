//! A script made of closures, as a Ruby script is made of blocks.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::script::{Api, Script};
use crate::client::session::{Callback, CallbackClass};
use crate::client::{Destination, Failure, IncomingResponse, Profile};
use crate::element::{ClientId, Origin, ReceivedRequest, Round, RoundEnd};
use crate::message::reason_phrase;
use crate::resolve::Target;

type Block = Arc<dyn Fn(&mut Turn<'_, '_>) + Send + Sync>;

/// A script made of closures: one for new requests, and one for each class of events of the Proxies that route them.
///
/// Without a closure for requests, each goes where its Route or its Request-URI says.
#[derive(Clone)]
pub struct Blocks {
    profile: Arc<Profile>,
    on_request: Block,
    on: [Option<Block>; CallbackClass::ALL.len()],
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

    fn bits(&self) -> u8 {
        CallbackClass::ALL
            .iter()
            .filter(|class| self.on[**class as usize].is_some())
            .fold(0, |bits, class| bits | class.bit())
    }
}

impl Script for Blocks {
    fn on_request(&mut self, api: &mut Api<'_>, request: Arc<ReceivedRequest>) {
        let block = self.on_request.clone();
        let mut turn = Turn::new(api, self.clone(), Some(request));
        block(&mut turn);
        let made = std::mem::take(&mut turn.made);
        for client in made {
            api.step(|element, _| element.release_client(client));
        }
    }

    fn round(&mut self, api: &mut Api<'_>, round: Round) -> RoundEnd {
        let Some(block) = self.on[round.callback.class() as usize].clone() else {
            return RoundEnd::default();
        };
        let mut turn = Turn::new(api, self.clone(), round.upstream.clone());
        turn.client = Some(round.client);
        turn.round = Some(round);
        block(&mut turn);
        let (end, made) = (std::mem::take(&mut turn.end), std::mem::take(&mut turn.made));
        for client in made {
            api.step(|element, _| element.release_client(client));
        }
        end
    }
}

/// One run of a block: what it is about, and what the block may do.
pub struct Turn<'t, 'w> {
    api: &'t mut Api<'w>,
    blocks: Blocks,
    request: Option<Arc<ReceivedRequest>>,
    client: Option<ClientId>,
    round: Option<Round>,
    end: RoundEnd,
    /// The Clients that were made in it.
    made: Vec<ClientId>,
}

impl fmt::Debug for Turn<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn")
            .field("client", &self.client)
            .field("round", &self.round)
            .finish_non_exhaustive()
    }
}

impl<'t, 'w> Turn<'t, 'w> {
    fn new(api: &'t mut Api<'w>, blocks: Blocks, request: Option<Arc<ReceivedRequest>>) -> Self {
        Turn { api, blocks, request, client: None, round: None, end: RoundEnd::default(), made: Vec::new() }
    }

    /// What else the script may do.
    pub fn api(&mut self) -> &mut Api<'w> {
        self.api
    }

    /// The request.
    ///
    /// # Panics
    ///
    /// When the event is about none from the network.
    pub fn request(&self) -> &Arc<ReceivedRequest> {
        self.request.as_ref().expect("an event about a request from the network")
    }

    /// The response that the event is about.
    pub fn response(&self) -> Option<&Arc<IncomingResponse>> {
        self.round.as_ref()?.callback.response()
    }

    /// The status of the response that the event is about, as the script sees it; 0 where there is none.
    pub fn status(&self) -> u16 {
        match self.round.as_ref().map(|round| &round.callback) {
            Some(Callback::Failure(_, status)) => *status,
            Some(callback) => callback.response().and_then(|response| response.status()).unwrap_or(0),
            None => 0,
        }
    }

    /// Why the routing has failed that the event is about.
    pub fn failure(&self) -> Option<&Failure> {
        match &self.round.as_ref()?.callback {
            Callback::Error(failure) => Some(failure),
            _ => None,
        }
    }

    /// The target in use.
    pub fn target(&self) -> Option<Target> {
        self.round.as_ref()?.target
    }

    /// Replies to the request, with the usual reason phrase. False: the element refuses it.
    pub fn reply(&mut self, status: u16) -> bool {
        let request = self.request().clone();
        self.api.reply_with(&request, status, &[], b"")
    }

    /// Replies to the request, with header lines.
    pub fn reply_with(&mut self, status: u16, lines: &[&'static str]) -> bool {
        let lines: Vec<Bytes> = lines.iter().map(|line| Bytes::from_static(line.as_bytes())).collect();
        debug_assert!(!reason_phrase(status).is_empty());
        let request = self.request().clone();
        self.api.reply_with(&request, status, &lines, b"")
    }

    /// The Proxy of the event; in `on_request` one that is made when it is asked for.
    pub fn proxy(&mut self) -> ClientId {
        match self.client {
            Some(client) => client,
            None => {
                let client = self.new_proxy();
                self.client = Some(client);
                client
            }
        }
    }

    /// Another Proxy, with the same blocks.
    pub fn new_proxy(&mut self) -> ClientId {
        let client = self.api.new_client(self.blocks.bits());
        self.made.push(client);
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
            self.api.route(&mut self.blocks.clone(), ask);
        }
    }

    /// `drop_response`: what the event would send upstream is not sent.
    pub fn drop_response(&mut self) {
        self.end.dropped = true;
    }

    /// `abort_routing`: no further target is tried.
    pub fn abort_routing(&mut self) {
        self.end.aborted = true;
    }

    /// `cancel`: inside of a block for the request of its event, outside for all that the Proxy has pending.
    pub fn cancel(&mut self) {
        let client = self.proxy();
        let origin = self.round.as_ref().and(self.request.clone()).map(Origin::Network);
        self.api.step(|element, now| element.cancel(now, client, origin.as_ref()));
    }
}
