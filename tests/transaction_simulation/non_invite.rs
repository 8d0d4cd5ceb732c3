//! One non-INVITE request between two machines, with a server core of many tempers.

use std::time::{Duration, Instant};

use bytes::Bytes;
use oversip::transaction::{
    non_invite_client, non_invite_server, ClientEffect, NonInviteClient, NonInviteServer, ServerEffect,
    Timer, Timings,
};

use super::network::{Weather, World};
use super::{owner::Owner, schedule};

/// How often each way of ending, and each rare event on the way, was met.
#[derive(Debug, Default)]
pub struct Tally {
    pub finals: u32,
    pub swallowed: u32,
    pub timeouts: u32,
    pub abandoned: u32,
    pub provisionals: u32,
    pub asked_for_a_hundred: u32,
    pub silent_servers: u32,
    pub requests_absorbed: u32,
    pub responses_absorbed: u32,
    pub stale_timers: u32,
    pub never_arrived: u32,
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Request,
    Answer(u16),
    ClientTimer(Timer),
    ServerTimer(Timer),
    ClientTurnsAway,
    ServerResponds(u16),
}

pub struct Exchange {
    world: World<Event>,
    client: NonInviteClient,
    client_owner: Owner,
    server: Option<NonInviteServer>,
    server_owner: Owner,
    server_start: Option<Instant>,
    // What happened at the client.
    requests: Vec<Instant>,
    first_provisional: Option<Instant>,
    final_came: Option<Instant>,
    passed: Option<u16>,
    swallowed: Option<u16>,
    timeout: bool,
    turned_away: bool,
    // What happened at the server.
    final_sent: Option<u16>,
}

impl Exchange {
    /// Plays one exchange to its end and judges it.
    pub fn play(seed: u64, weather: Weather, tally: &mut Tally) {
        let mut world = World::new(seed, weather);
        let timer_f = Duration::from_secs(world.rng.pick(&[2, 32, 32, 64]));
        if world.rng.chance(10) {
            let at = world.start + world.rng.up_to(30_000);
            world.post(at, Event::ClientTurnsAway);
        }
        let (client, effects) =
            NonInviteClient::new(world.start, weather.reliable, &Timings::default(), timer_f);
        let mut exchange = Exchange {
            world,
            client,
            client_owner: Owner::default(),
            server: None,
            server_owner: Owner::default(),
            server_start: None,
            requests: Vec::new(),
            first_provisional: None,
            final_came: None,
            passed: None,
            swallowed: None,
            timeout: false,
            turned_away: false,
            final_sent: None,
        };
        exchange.client_effects(&effects, None, tally);
        while let Some(event) = exchange.world.next() {
            exchange.step(event, tally);
        }
        exchange.judge(timer_f, tally);
    }

    fn step(&mut self, event: Event, tally: &mut Tally) {
        let now = self.world.now;
        match event {
            Event::Request => self.request_arrives(tally),
            Event::Answer(status) => {
                if self.client_owner.over.is_none() {
                    tally.responses_absorbed += u32::from(self.final_came.is_some());
                    if status < 200 && self.final_came.is_none() {
                        self.first_provisional.get_or_insert(now);
                    }
                    if status >= 200 {
                        self.final_came.get_or_insert(now);
                    }
                }
                let effects = self.client.response(now, status);
                self.client_effects(&effects, Some(status), tally);
            }
            Event::ClientTimer(timer) => {
                let due = self.client_owner.due(now, timer);
                let effects = self.client.timer(now, timer);
                if !due {
                    tally.stale_timers += 1;
                    assert!(effects.is_empty(), "stale timer {timer:?}: {effects:?}");
                }
                self.client_effects(&effects, None, tally);
            }
            Event::ServerTimer(timer) => {
                let due = self.server_owner.due(now, timer);
                let effects = self.server.as_mut().expect("it set this timer").timer(now, timer);
                if !due {
                    tally.stale_timers += 1;
                    assert!(effects.is_empty(), "stale timer {timer:?}: {effects:?}");
                }
                self.server_effects(effects, tally);
            }
            Event::ClientTurnsAway => {
                self.turned_away = self.final_came.is_none() && self.client_owner.over.is_none();
                let effects = self.client.abandon(now);
                assert!(effects.is_empty());
            }
            Event::ServerResponds(status) => {
                let server = self.server.as_mut().expect("it took the request");
                let accepts = server.accepts(status);
                let effects = server.respond(now, status, wire(status));
                assert_eq!(effects.is_some(), accepts);
                let Some(effects) = effects else { return };
                if status >= 200 {
                    assert_eq!(self.final_sent, None, "one final response");
                    self.final_sent = Some(status);
                }
                self.server_effects(effects, tally);
            }
        }
    }

    fn request_arrives(&mut self, tally: &mut Tally) {
        let now = self.world.now;
        if let Some(server) = &mut self.server {
            tally.requests_absorbed += 1;
            let effects = server.request_again(now);
            return self.server_effects(effects, tally);
        }
        let (server, effects) = NonInviteServer::new(now, self.world.weather.reliable, &Timings::default());
        self.server = Some(server);
        self.server_start = Some(now);
        self.server_effects(effects, tally);
        let world = &mut self.world;
        if world.rng.chance(20) {
            let at = now + world.rng.up_to(8000);
            world.post(at, Event::ServerResponds(183));
        }
        if world.rng.chance(90) {
            let status = world.rng.pick(&[200, 200, 202, 302, 404, 408, 500, 603]);
            let longest = world.rng.pick(&[1, 1000, 35_000]);
            let at = now + world.rng.up_to(longest);
            world.post(at, Event::ServerResponds(status));
        }
    }

    /// Carries out what the client asks for; `status` is that of the response whose arrival caused it.
    fn client_effects(&mut self, effects: &[ClientEffect], status: Option<u16>, tally: &mut Tally) {
        let now = self.world.now;
        for effect in effects {
            self.client_owner.expect_alive();
            match *effect {
                ClientEffect::SendRequest => {
                    self.requests.push(now);
                    self.world.send(Event::Request);
                }
                ClientEffect::Arm(timer, at) => {
                    self.client_owner.arm(now, timer, at);
                    self.world.post(at, Event::ClientTimer(timer));
                }
                ClientEffect::Stop(timer) => self.client_owner.stop(timer),
                ClientEffect::Response => {
                    let status = status.expect("a response came");
                    assert_eq!(self.passed, None, "{status} after the final response");
                    assert_ne!(status, 100);
                    assert!(!self.turned_away || (200..=299).contains(&status));
                    if status < 200 {
                        tally.provisionals += 1;
                    } else {
                        self.passed = Some(status);
                        tally.finals += 1;
                    }
                }
                ClientEffect::SwallowedFinal => {
                    assert!(self.turned_away && self.swallowed.is_none());
                    self.swallowed = status;
                    tally.swallowed += 1;
                }
                ClientEffect::Timeout => {
                    assert!(!self.turned_away && !self.timeout);
                    self.timeout = true;
                    tally.timeouts += 1;
                }
                ClientEffect::Terminated => self.client_owner.terminated(now),
                ClientEffect::SendAck
                | ClientEffect::SendCancel
                | ClientEffect::RepeatedSuccess
                | ClientEffect::InviteTimeout
                | ClientEffect::CancelTimeout
                | ClientEffect::TransportFailed => panic!("{effect:?}"),
            }
        }
        self.client_owner.expect_future();
    }

    fn server_effects(&mut self, effects: impl IntoIterator<Item = ServerEffect>, tally: &mut Tally) {
        let now = self.world.now;
        for effect in effects {
            self.server_owner.expect_alive();
            match effect {
                ServerEffect::Send(bytes) => {
                    let status = u16::from_be_bytes(bytes[..].try_into().expect("a status"));
                    self.world.send(Event::Answer(status));
                }
                ServerEffect::Arm(timer, at) => {
                    self.server_owner.arm(now, timer, at);
                    self.world.post(at, Event::ServerTimer(timer));
                }
                ServerEffect::Stop(timer) => self.server_owner.stop(timer),
                ServerEffect::StillAlive => {
                    assert_eq!(self.final_sent, None);
                    tally.asked_for_a_hundred += 1;
                    self.world.post(now, Event::ServerResponds(100));
                }
                ServerEffect::Expired => panic!("only an INVITE expires"),
                ServerEffect::Terminated => self.server_owner.terminated(now),
            }
        }
        if self.server.is_some() {
            self.server_owner.expect_future();
        }
    }

    fn judge(self, timer_f: Duration, tally: &mut Tally) {
        let start = self.world.start;
        let timings = Timings::default();

        // Both machines ended, and in time.
        assert_eq!(self.client.state(), non_invite_client::State::Terminated);
        let client_over = self.client_owner.over.expect("the client told of its end");
        assert!(client_over - start <= timer_f + timings.t4, "the client lived too long");
        if let (Some(server), Some(server_start)) = (&self.server, self.server_start) {
            assert_eq!(server.state(), non_invite_server::State::Terminated);
            let over = self.server_owner.over.expect("the server told of its end");
            assert!(over - server_start <= timings.transaction_timeout() * 2, "the server lived too long");
            if self.final_sent.is_none() {
                tally.silent_servers += 1;
                assert_eq!(over - server_start, timings.transaction_timeout());
            }
        } else {
            tally.never_arrived += 1;
        }

        // The client's core got exactly one outcome, the one of the server.
        let told = u32::from(self.passed.is_some()) + u32::from(self.timeout);
        if self.turned_away {
            tally.abandoned += 1;
            assert!(!self.timeout && (self.passed.is_none() || self.swallowed.is_none()));
        } else {
            assert_eq!((told, self.swallowed), (1, None));
        }
        if let Some(seen) = self.passed.or(self.swallowed) {
            assert_eq!(self.final_sent, Some(seen));
        }

        // The request was sent exactly when the RFC says, given what came back and when.
        if self.world.weather.reliable {
            assert_eq!(self.requests.len(), 1);
        } else {
            let end = self.final_came.unwrap_or(client_over);
            assert_eq!(self.requests, schedule::slowed(start, self.first_provisional, end));
        }
    }
}

/// The bytes that stand for a response of this status.
fn wire(status: u16) -> Bytes {
    Bytes::copy_from_slice(&status.to_be_bytes())
}
