//! One INVITE between two machines, with a caller that may cancel or turn away and a callee of many tempers.

use std::time::{Duration, Instant};

use bytes::Bytes;
use oversip::transaction::{
    invite_client, invite_server, AckOutcome, ClientEffect, InviteClient, InviteServer, ServerEffect, Timer,
    Timings,
};

use super::network::{Weather, World};
use super::{owner::Owner, schedule};

/// How often each way of ending, and each rare event on the way, was met.
#[derive(Debug, Default)]
pub struct Tally {
    pub successes: u32,
    pub failures: u32,
    pub timeouts: u32,
    pub invite_timeouts: u32,
    pub cancel_timeouts: u32,
    pub swallowed: u32,
    pub abandoned: u32,
    pub canceled: u32,
    pub cancel_crossed_success: u32,
    pub success_after_timer_c: u32,
    pub repeated_successes: u32,
    pub acked_again: u32,
    pub requests_absorbed: u32,
    pub stale_timers: u32,
    pub core_expired: u32,
    pub never_acked: u32,
    pub never_arrived: u32,
}

#[derive(Debug, Clone, Copy)]
enum Event {
    // Packets towards the callee.
    Invite,
    Ack,
    SuccessAck,
    Cancel,
    // Packets towards the caller.
    Answer(u16),
    CancelAnswer(u16),
    // Timers.
    ClientTimer(Timer),
    ServerTimer(Timer),
    // What the cores do.
    CallerCancels,
    CallerTurnsAway,
    CalleeResponds(u16),
    CalleeRepeatsSuccess(Duration),
}

const TAG: &[u8] = b"callee";

pub struct Call {
    world: World<Event>,
    client: InviteClient,
    client_owner: Owner,
    server: Option<InviteServer>,
    server_owner: Owner,
    server_start: Option<Instant>,
    // The callee's temper.
    deaf_to_cancel: bool,
    success_ack_has_invite_branch: bool,
    // What happened at the caller.
    invites: Vec<Instant>,
    cancels: Vec<Instant>,
    first_response: Option<Instant>,
    provisional_came: bool,
    cancel_answered: Option<Instant>,
    final_came: Option<Instant>,
    finals_came: u32,
    acks: u32,
    passed: Option<u16>,
    swallowed: Option<u16>,
    timeout: bool,
    invite_timeout: Option<Instant>,
    cancel_timeout: bool,
    turned_away: bool,
    // What happened at the callee.
    final_sent: Option<(Instant, u16)>,
    retransmitted: Vec<Instant>,
    first_ack: Option<Instant>,
    success_acked: bool,
}

impl Call {
    /// Plays one call to its end and judges it.
    pub fn play(seed: u64, weather: Weather, tally: &mut Tally) {
        let mut world = World::new(seed, weather);
        let timer_b = Duration::from_secs(world.rng.pick(&[2, 32, 32, 64]));
        let timer_c = Duration::from_secs(world.rng.pick(&[8, 30, 120, 180]));
        if world.rng.chance(35) {
            let at = world.start + world.rng.up_to(40_000);
            world.post(at, Event::CallerCancels);
        }
        if world.rng.chance(15) {
            let at = world.start + world.rng.up_to(40_000);
            world.post(at, Event::CallerTurnsAway);
        }
        let (client, effects) =
            InviteClient::new(world.start, weather.reliable, &Timings::default(), timer_b, timer_c);
        let mut call = Call {
            deaf_to_cancel: world.rng.chance(8),
            success_ack_has_invite_branch: world.rng.chance(20),
            world,
            client,
            client_owner: Owner::default(),
            server: None,
            server_owner: Owner::default(),
            server_start: None,
            invites: Vec::new(),
            cancels: Vec::new(),
            first_response: None,
            provisional_came: false,
            cancel_answered: None,
            final_came: None,
            finals_came: 0,
            acks: 0,
            passed: None,
            swallowed: None,
            timeout: false,
            invite_timeout: None,
            cancel_timeout: false,
            turned_away: false,
            final_sent: None,
            retransmitted: Vec::new(),
            first_ack: None,
            success_acked: false,
        };
        call.client_effects(&effects, None, tally);
        while let Some(event) = call.world.next() {
            call.step(event, tally);
        }
        call.judge(timer_b, timer_c, tally);
    }

    fn step(&mut self, event: Event, tally: &mut Tally) {
        let now = self.world.now;
        match event {
            Event::Invite => self.invite_arrives(tally),
            Event::Ack => self.ack_arrives(false),
            Event::SuccessAck => self.ack_arrives(true),
            Event::Cancel => self.cancel_arrives(),
            Event::Answer(status) => self.answer_arrives(status, tally),
            Event::CancelAnswer(status) => {
                let effects = self.client.cancel_response(now, status);
                self.cancel_answered.get_or_insert(now);
                self.client_effects(&effects, None, tally);
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
                if due && timer == Timer::G {
                    self.retransmitted.push(now);
                }
                self.server_effects(effects, tally);
            }
            Event::CallerCancels => {
                let effects = self.client.cancel(now);
                self.client_effects(&effects, None, tally);
            }
            Event::CallerTurnsAway => {
                self.turned_away = matches!(
                    self.client.state(),
                    invite_client::State::Calling | invite_client::State::Proceeding
                );
                let effects = self.client.abandon(now);
                self.client_effects(&effects, None, tally);
            }
            Event::CalleeResponds(status) => self.callee_responds(status, tally),
            Event::CalleeRepeatsSuccess(interval) => {
                let server = self.server.as_mut().expect("it sent a success");
                let Some((_, status)) = self.final_sent else { unreachable!() };
                // RFC 3261 13.3.1.4: the callee repeats its 2xx until the ACK, for as long as the machine takes it.
                if self.success_acked || !server.accepts(status) {
                    return;
                }
                let effects = server.respond(now, status, wire(status)).expect("accepted");
                self.server_effects(effects, tally);
                let interval = (interval * 2).min(Duration::from_secs(4));
                self.world.post(now + interval, Event::CalleeRepeatsSuccess(interval));
            }
        }
    }

    fn invite_arrives(&mut self, tally: &mut Tally) {
        let now = self.world.now;
        if let Some(server) = &mut self.server {
            tally.requests_absorbed += 1;
            let effects = server.request_again(now);
            return self.server_effects(effects, tally);
        }
        let (server, effects) = InviteServer::new(now, self.world.weather.reliable, &Timings::default());
        self.server = Some(server);
        self.server_start = Some(now);
        self.server_effects(effects, tally);
        let world = &mut self.world;
        if world.rng.chance(70) {
            world.post(now, Event::CalleeResponds(100));
        }
        for status in [180, 183] {
            if world.rng.chance(50) {
                let at = now + world.rng.up_to(20_000);
                world.post(at, Event::CalleeResponds(status));
            }
        }
        if world.rng.chance(85) {
            let status = world.rng.pick(&[200, 200, 200, 202, 302, 404, 486, 503, 603]);
            let at = now + world.rng.up_to(40_000);
            world.post(at, Event::CalleeResponds(status));
        }
    }

    fn ack_arrives(&mut self, for_success: bool) {
        let now = self.world.now;
        let Some(server) = &mut self.server else { panic!("an ACK for nothing") };
        if for_success && !(self.success_ack_has_invite_branch && self.server_owner.over.is_none()) {
            self.success_acked = true;
            return;
        }
        match server.ack(now) {
            AckOutcome::PassToCore => {
                assert!(for_success, "the ACK of a failure is the transaction's own");
                self.success_acked = true;
            }
            AckOutcome::Absorbed(effects) => {
                assert!(!for_success, "the ACK of a success is the core's");
                self.first_ack.get_or_insert(now);
                let mut unused = Tally::default();
                self.server_effects(effects, &mut unused);
            }
        }
    }

    fn cancel_arrives(&mut self) {
        let now = self.world.now;
        let Some(server) = &mut self.server else { panic!("CANCEL overtook every INVITE") };
        if self.deaf_to_cancel {
            return;
        }
        if self.server_owner.over.is_some() {
            return self.world.send(Event::CancelAnswer(481));
        }
        if server.cancel() {
            let at = now + self.world.rng.up_to(1000);
            self.world.post(at, Event::CalleeResponds(487));
        }
        self.world.send(Event::CancelAnswer(200));
    }

    fn answer_arrives(&mut self, status: u16, tally: &mut Tally) {
        let now = self.world.now;
        if self.client_owner.over.is_none() {
            self.first_response.get_or_insert(now);
            self.provisional_came |= status < 200;
            if status >= 200 {
                self.final_came.get_or_insert(now);
                self.finals_came += u32::from(status >= 300);
            }
        }
        let effects = self.client.response(now, status, Some(TAG));
        self.client_effects(&effects, Some(status), tally);
    }

    fn callee_responds(&mut self, status: u16, tally: &mut Tally) {
        let now = self.world.now;
        let server = self.server.as_mut().expect("it took the INVITE");
        let accepts = server.accepts(status);
        let before = server.state();
        let effects = server.respond(now, status, wire(status));
        assert_eq!(effects.is_some(), accepts);
        let Some(effects) = effects else { return };
        self.server_effects(effects, tally);
        if status >= 200 && before == invite_server::State::Proceeding {
            self.final_sent = Some((now, status));
            if status < 300 {
                let interval = Timings::default().t1;
                self.world.post(now + interval, Event::CalleeRepeatsSuccess(interval));
            }
        }
    }

    /// Carries out what the client asks for; `status` is that of the response whose arrival caused it.
    fn client_effects(&mut self, effects: &[ClientEffect], status: Option<u16>, tally: &mut Tally) {
        let now = self.world.now;
        for effect in effects {
            self.client_owner.expect_alive();
            match *effect {
                ClientEffect::SendRequest => {
                    self.invites.push(now);
                    self.world.send(Event::Invite);
                }
                ClientEffect::SendAck => {
                    self.acks += 1;
                    tally.acked_again += u32::from(self.acks > 1);
                    self.world.send(Event::Ack);
                }
                ClientEffect::SendCancel => {
                    assert!(self.provisional_came, "CANCEL before a provisional response");
                    assert!(self.final_came.is_none(), "CANCEL after the final response");
                    self.cancels.push(now);
                    self.world.send(Event::Cancel);
                }
                ClientEffect::Arm(timer, at) => {
                    self.client_owner.arm(now, timer, at);
                    self.world.post(at, Event::ClientTimer(timer));
                }
                ClientEffect::Stop(timer) => self.client_owner.stop(timer),
                ClientEffect::Response => self.response_passed(status.expect("a response came"), tally),
                ClientEffect::RepeatedSuccess => {
                    assert_eq!(self.passed, status, "the repeated success was passed up before");
                    tally.repeated_successes += 1;
                    self.world.send(Event::SuccessAck);
                }
                ClientEffect::SwallowedFinal => {
                    assert!(self.turned_away || self.invite_timeout.is_some());
                    assert_eq!(self.swallowed, None, "swallowed once");
                    self.swallowed = status;
                    tally.swallowed += 1;
                }
                ClientEffect::Timeout => {
                    assert!(!self.turned_away && self.invite_timeout.is_none() && !self.timeout);
                    self.timeout = true;
                    tally.timeouts += 1;
                }
                ClientEffect::InviteTimeout => {
                    assert!(self.invite_timeout.is_none(), "timer C fires once");
                    self.invite_timeout = Some(now);
                    tally.invite_timeouts += 1;
                }
                ClientEffect::CancelTimeout => {
                    assert!(!self.turned_away && self.invite_timeout.is_none() && !self.cancel_timeout);
                    self.cancel_timeout = true;
                    tally.cancel_timeouts += 1;
                }
                ClientEffect::TransportFailed => panic!("nobody reported a transport failure"),
                ClientEffect::Terminated => self.client_owner.terminated(now),
            }
        }
        self.client_owner.expect_future();
    }

    fn response_passed(&mut self, status: u16, tally: &mut Tally) {
        assert_eq!(self.passed, None, "{status} after the final response");
        assert_ne!(status, 100);
        let unattended = self.turned_away || self.invite_timeout.is_some();
        match status {
            101..=199 => assert!(!unattended),
            200..=299 => {
                self.passed = Some(status);
                tally.successes += 1;
                tally.cancel_crossed_success += u32::from(!self.cancels.is_empty());
                tally.success_after_timer_c += u32::from(self.invite_timeout.is_some());
                self.world.send(Event::SuccessAck);
            }
            _ => {
                assert!(!unattended);
                self.passed = Some(status);
                tally.failures += 1;
            }
        }
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
                ServerEffect::Expired => {
                    tally.core_expired += 1;
                    self.world.post(now, Event::CalleeResponds(408));
                }
                ServerEffect::StillAlive => panic!("only a non-INVITE is told so"),
                ServerEffect::Terminated => self.server_owner.terminated(now),
            }
        }
        self.server_owner_expects_future();
    }

    fn server_owner_expects_future(&self) {
        if self.server.is_some() {
            self.server_owner.expect_future();
        }
    }

    fn judge(self, timer_b: Duration, timer_c: Duration, tally: &mut Tally) {
        let start = self.world.start;
        let t64 = Timings::default().transaction_timeout();

        // Both machines ended, and in time.
        assert_eq!(self.client.state(), invite_client::State::Terminated);
        let client_over = self.client_owner.over.expect("the client told of its end");
        assert!(client_over - start <= timer_b.max(timer_c) + t64 + t64, "the client lived too long");
        if let (Some(server), Some(server_start)) = (&self.server, self.server_start) {
            assert_eq!(server.state(), invite_server::State::Terminated);
            let over = self.server_owner.over.expect("the server told of its end");
            assert!(over - server_start <= Timings::default().c2() + t64 + Timings::default().t4);
        } else {
            tally.never_arrived += 1;
        }

        // The caller's core got exactly one outcome; a success may still follow timer C.
        let told =
            u32::from(self.passed.is_some()) + u32::from(self.timeout) + u32::from(self.cancel_timeout);
        match (self.turned_away, self.invite_timeout) {
            (false, None) => assert_eq!((told, self.swallowed), (1, None)),
            _ => assert!(told == 0 || (told == 1 && self.passed.is_some_and(|status| status < 300))),
        }
        if self.turned_away {
            tally.abandoned += 1;
        }
        tally.canceled += u32::from(!self.cancels.is_empty());

        // Both ends agree on the final response, and every failure that came in was acknowledged.
        if let Some(seen) = self.passed.or(self.swallowed) {
            assert_eq!(self.final_sent.map(|(_, status)| status), Some(seen));
        }
        assert_eq!(self.acks, self.finals_came);
        assert!(self.passed.is_none() || self.swallowed.is_none());

        self.judge_schedules(client_over, tally);
    }

    /// Everything was sent exactly when the RFC says, given what came back and when.
    fn judge_schedules(&self, client_over: Instant, tally: &mut Tally) {
        let first = |times: &[Option<Instant>], limit: Instant| {
            times.iter().flatten().copied().fold(limit, |earliest, time| earliest.min(time))
        };
        if self.world.weather.reliable {
            assert_eq!(self.invites.len(), 1);
            assert!(self.cancels.len() <= 1);
            assert!(self.retransmitted.is_empty());
            return;
        }
        let end = first(&[self.first_response, self.invite_timeout], client_over);
        assert_eq!(self.invites, schedule::invite(self.world.start, end));
        if let Some(sent) = self.cancels.first() {
            let end = first(&[self.cancel_answered, self.final_came], client_over);
            assert_eq!(self.cancels, schedule::capped(*sent, end));
        }
        if let Some((sent, 300..)) = self.final_sent {
            let end = first(&[self.first_ack], self.server_owner.over.expect("ended"));
            assert_eq!(self.retransmitted, schedule::capped(sent, end)[1..]);
            if self.first_ack.is_none() {
                tally.never_acked += 1;
                assert_eq!(self.server_owner.over, Some(sent + Timings::default().transaction_timeout()));
            }
        }
    }
}

/// The bytes that stand for a response of this status.
fn wire(status: u16) -> Bytes {
    Bytes::copy_from_slice(&status.to_be_bytes())
}
