//! Requests of an element's own: a script that tells how they went, and acknowledges what is accepted.

use std::sync::Arc;

use bytes::Bytes;
use oversip::client::session::CallbackClass;
use oversip::client::Profile;
use oversip::element::{
    CallId, Caller, ClientId, OwnRequestId, ReceivedRequest, Round, RoundEnd, RouteRequest,
};
use oversip::element::{Element, Outcome};
use oversip::message::{Headers, Method, RequestSnapshot};
use oversip::simulation::{Api, Blocks, ElementId, Script, World};

use super::{address, to_udp, Told, BOB};

/// The Request-URI of own requests.
pub const OWN_URI: &str = "sip:bob@b.example";

/// A script whose blocks say what they were told.
#[derive(Debug)]
pub struct OwnScript {
    blocks: Blocks,
    told: Told,
}

impl OwnScript {
    /// `acknowledges`: the ACK of a 2xx to an INVITE is sent by the block that is told of it.
    pub fn new(told: &Told, profile: &Profile, acknowledges: bool) -> OwnScript {
        let blocks = told.listen(Blocks::new(profile.clone()));
        let [success, provisional, canceled, late] = std::array::from_fn(|_| told.clone());
        let profile = Arc::new(profile.clone());
        let blocks = blocks
            .on(CallbackClass::Success, move |turn| {
                success.note(format!("success {}", turn.status()));
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
                provisional.note(format!("provisional {}", turn.status()));
            })
            .on(CallbackClass::Canceled, move |_| canceled.note("canceled".into()))
            .on(CallbackClass::InviteTimeout, move |_| late.note("invite timeout".into()));
        OwnScript::of(blocks, told)
    }

    /// With blocks of one's choice. How routes have ended that somebody waits for is told nevertheless.
    pub fn of(blocks: Blocks, told: &Told) -> OwnScript {
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
        self.told.note(match outcome {
            Outcome::Response(response) => format!("ended {}", response.status().unwrap_or(0)),
            Outcome::Failed(failure) => format!("ended {} {}", failure.status, failure.code),
            Outcome::Stopped => "ended stopped".into(),
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
        api.route(script, ask);
        api.step(|element, _| element.release_client(client));
        client
    })
}

/// Somebody waits for the end of the route.
pub fn waited_for(ask: &mut RouteRequest) {
    ask.caller = Some(Caller { call: CallId(7), limit: None });
}
