//! Requests of an element's own: a script that tells how they went, and acknowledges what is accepted.

use std::sync::Arc;

use bytes::Bytes;
use oversip::client::session::CallbackClass;
use oversip::client::Profile;
use oversip::element::{
    CallId, Caller, ClientId, OwnRequestId, ReceivedRequest, Round, RoundEnd, RouteRequest,
};
use oversip::element::{Element, Outcome};
use oversip::message::{reply, Headers, Message, Method, RequestSnapshot};
use oversip::simulation::{Api, Blocks, ElementId, Inbox, PeerId, Script, World};

use super::{
    acceptance, add_inbox, add_relay, address, answer, assert_all_quiet, millis, profile, telling, to_udp,
    world, Notes, BOB, RELAY,
};

/// The Request-URI of own requests.
pub const OWN_URI: &str = "sip:bob@b.example";

/// A script whose blocks say what they were told.
#[derive(Debug)]
pub struct OwnScript {
    blocks: Blocks,
    told: Notes,
}

impl OwnScript {
    /// `acknowledges`: the ACK of a 2xx to an INVITE is sent by the block that is told of it.
    pub fn new(told: &Notes, profile: &Profile, acknowledges: bool) -> OwnScript {
        let blocks = telling(Blocks::new(profile.clone()), told);
        let [success, provisional, canceled, late] = std::array::from_fn(|_| told.clone());
        let profile = Arc::new(profile.clone());
        let blocks = blocks
            .on(CallbackClass::Success, move |turn| {
                success.add(format!("success {}", turn.status()));
                let response = turn.response().expect("an event with a response").clone();
                if acknowledges && response.cseq_method() == Some(&Method::Invite) {
                    let (client, ruri) = (turn.proxy(), Bytes::from_static(OWN_URI.as_bytes()));
                    let profile = profile.clone();
                    let sent = turn.api().step(move |element: &mut Element, now| {
                        element.acknowledge(now, client, &profile, &response, &ruri, None)
                    });
                    assert_eq!(sent, Ok(()));
                }
            })
            .on(CallbackClass::Provisional, move |turn| {
                provisional.add(format!("provisional {}", turn.status()));
            })
            .on(CallbackClass::Canceled, move |_| canceled.add("canceled"))
            .on(CallbackClass::InviteTimeout, move |_| late.add("invite timeout"));
        OwnScript::of(blocks, told)
    }

    /// With blocks of one's choice. How routes have ended that somebody waits for is told nevertheless.
    pub fn of(blocks: Blocks, told: &Notes) -> OwnScript {
        OwnScript { blocks, told: told.clone() }
    }
}

impl Script for OwnScript {
    fn on_request(&mut self, api: &mut Api<'_>, request: Arc<ReceivedRequest>) {
        Script::on_request(&mut self.blocks, api, request);
    }

    fn round(&mut self, api: &mut Api<'_>, round: Round) -> RoundEnd {
        Script::round(&mut self.blocks, api, round)
    }

    fn call_ended(&mut self, _: &mut Api<'_>, _: CallId, outcome: Outcome) {
        self.told.add(match outcome {
            Outcome::Response(_, status) => format!("ended {status}"),
            Outcome::Failed(failure) => format!("ended {} {}", failure.status, failure.code),
            Outcome::Stopped => "ended stopped".to_owned(),
        });
    }
}

/// A request of the element's own, to [`OWN_URI`].
pub fn own(method: Method, call_id: &str) -> RequestSnapshot {
    let cseq = [b"1 ", method.as_bytes()].concat();
    let mut headers = Headers::new();
    headers.push(b"From", b"<sip:relay@a.example>;tag=own");
    headers.push(b"To", format!("<{OWN_URI}>").as_bytes());
    headers.push(b"Call-ID", call_id.as_bytes());
    headers.push(b"CSeq", &cseq);
    headers.push(b"Contact", b"<sip:relay@10.0.0.1:5060>");
    RequestSnapshot { method, ruri: OWN_URI.into(), headers, body: Bytes::new() }
}

/// Routes it by UDP to Bob with a Client that is let go of at once; `with` changes what is asked before.
pub fn route_own(
    world: &mut World,
    element: ElementId,
    profile: &Profile,
    request: RequestSnapshot,
    with: impl FnOnce(&mut RouteRequest),
) -> ClientId {
    world.with_script::<OwnScript, _>(element, |script, api| {
        let all = CallbackClass::ALL.iter().fold(0, |bits, class| bits | class.bit());
        let client = api.new_client(all);
        let id = OwnRequestId(client.as_u64());
        let to = Some(to_udp(address(BOB)));
        let mut ask = api.own_request(client, &Arc::new(profile.clone()), id, request, to);
        with(&mut ask);
        api.route(script, ask).expect("it is nested in no other one");
        api.step(|element, _| element.release_client(client));
        client
    })
}

/// Somebody waits for the end of the route.
pub fn waited_for(ask: &mut RouteRequest) {
    ask.caller = Some(Caller { call: CallId(7), limit: None, in_block: false });
}

/// An element with requests of its own, what its script was told, and Bob.
pub struct OwnScene {
    /// The network.
    pub world: World,
    /// The element.
    pub relay: ElementId,
    /// Bob, whose part the test plays.
    pub bob: PeerId<Inbox>,
    /// What the script was told.
    pub told: Notes,
    /// The profile of the requests.
    pub profile: Profile,
}

impl OwnScene {
    /// `acknowledges`: as in [`OwnScript::new`].
    pub fn new(acknowledges: bool) -> OwnScene {
        let (mut world, profile) = (world(1), profile());
        let told = Notes::default();
        let relay = add_relay(&mut world, RELAY, OwnScript::new(&told, &profile, acknowledges));
        let bob = add_inbox(&mut world, BOB);
        OwnScene { world, relay, bob, told, profile }
    }

    /// Routes a request by UDP to Bob; `with` changes what is asked before.
    pub fn route(&mut self, method: Method, with: impl FnOnce(&mut RouteRequest)) -> ClientId {
        route_own(&mut self.world, self.relay, &self.profile, own(method, "own"), with)
    }

    /// Lets a tenth of a second pass and hands out the one message that has come to Bob meanwhile.
    #[track_caller]
    pub fn next(&mut self) -> Message {
        self.world.advance(millis(100));
        let mut news = self.world.peer(self.bob).news();
        assert_eq!(news.len(), 1, "{}", self.world.record());
        news.remove(0)
    }

    /// The script cancels all that a Client has pending.
    pub fn cancel(&mut self, client: ClientId) {
        self.world.step_element(self.relay, |element, now| element.cancel(now, client, None));
    }

    /// Lets a tenth of a second pass, in which nothing comes to Bob.
    #[track_caller]
    pub fn nothing_comes(&mut self) {
        self.world.advance(millis(100));
        assert!(self.world.peer(self.bob).news().is_empty(), "{}", self.world.record());
    }

    /// Bob answers a request.
    pub fn answer(&mut self, request: &Message, status: u16) {
        self.world.send(self.bob, answer(request, status, "b"), address(RELAY));
    }

    /// Bob accepts a call.
    pub fn accept(&mut self, invite: &Message) {
        self.world.send(self.bob, acceptance(invite, "b"), address(RELAY));
    }

    /// Bob challenges a request for a realm.
    pub fn challenge(&mut self, request: &Message, status: u16, challenge: &str) {
        let name = if status == 401 { "WWW-Authenticate" } else { "Proxy-Authenticate" };
        let line = [format!("{name}: Digest {challenge}").into()];
        let wire = reply(request, status, b"Who Are You", Some(b"b"), &line, b"", b"");
        self.world.send(self.bob, wire, address(RELAY));
    }

    /// What was told but for the targets.
    pub fn told(&self) -> Vec<String> {
        self.told.all().into_iter().filter(|it| !it.starts_with("target")).collect()
    }

    /// Lets the run come to its end, at which this was told and nothing is left.
    #[track_caller]
    pub fn end(mut self, told: &[&str]) {
        self.world.run_until_idle();
        assert_eq!(self.told(), told, "{}", self.world.record());
        assert_all_quiet(&self.world, self.relay);
    }
}

/// Whether a request has this method.
pub fn is(message: &Message, method: Method) -> bool {
    message.method() == Some(&method)
}
