//! How a run goes on: from one event to the next.

use std::time::{Duration, Instant};

use super::{ElementId, Event, Member, News, Step, World, MAX_BODY};
use crate::element::{Element, Input, SendFailure};
use crate::message::StreamLimits;
use crate::random::Random;
use crate::simulation::node::{Runner, ScriptWork};
use crate::simulation::party::PartyId;
use crate::simulation::record::Record;
use crate::simulation::schedule::Schedule;
use crate::simulation::script::{Api, Script};
use crate::simulation::stream::Streams;
use crate::simulation::zone::Zone;

/// Steps at one instant after which a run counts as one that never ends.
const MAX_AT_ONCE: u32 = 1_000_000;

impl World {
    /// Lets things happen until nothing more is to happen but what elements do from time to time.
    pub fn run_until_idle(&mut self) {
        while !self.is_idle() {
            match self.step(None) {
                Step::Happened => {}
                Step::Nothing => return,
                step => cannot_go_on(&step),
            }
        }
    }

    /// Lets some time pass, with all that happens in it.
    pub fn advance(&mut self, time: Duration) {
        let until = self.now + time;
        self.advance_to(until, |_| false);
    }

    /// Lets things happen until something is so, for this time at most. False: it has not become so.
    pub fn run_until(&mut self, limit: Duration, is_so: impl FnMut(&mut World) -> bool) -> bool {
        let until = self.now + limit;
        self.advance_to(until, is_so)
    }

    fn advance_to(&mut self, until: Instant, mut is_so: impl FnMut(&mut World) -> bool) -> bool {
        loop {
            if is_so(self) {
                return true;
            }
            match self.step(Some(until)) {
                Step::Happened => {}
                Step::Nothing => {
                    self.now = self.now.max(until);
                    return false;
                }
                step => cannot_go_on(&step),
            }
        }
    }

    /// Whether nothing is on its way, no script has something to do and no element waits for a time.
    pub fn is_idle(&mut self) -> bool {
        self.schedule.next().is_none()
            && self.news.is_empty()
            && self.parties.iter().all(|party| match &party.member {
                Member::Element(node) => (node.held || node.queue.is_empty()) && !node.element.awaits_time(),
                Member::Peer(_) | Member::Outside => true,
            })
    }

    /// Lets the next thing happen, if it does before `until`. The clock jumps to its time.
    pub fn step(&mut self, until: Option<Instant>) -> Step {
        if let Some(news) = self.news() {
            return if self.may_go_on() { news } else { Step::Stuck };
        }
        if let Some(number) = self.ready() {
            return if self.may_go_on() { self.script_step(number) } else { Step::Stuck };
        }
        let timeout = self.next_timeout();
        let event = self.schedule.next();
        let (at, element) = match (event, timeout) {
            (None, None) => return Step::Nothing,
            (Some(event), Some((timeout, element))) if timeout < event => (timeout, Some(element)),
            (Some(event), _) => (event, None),
            (None, Some((timeout, element))) => (timeout, Some(element)),
        };
        if until.is_some_and(|until| at > until) {
            return Step::Nothing;
        }
        if at > self.now {
            self.now = at;
            self.at_once = 0;
        } else if !self.may_go_on() {
            return Step::Stuck;
        }
        match element {
            Some(number) => self.tell(number, Input::Timeout),
            None => {
                if let Some((_, event)) = self.schedule.take() {
                    self.happen(event);
                }
            }
        }
        Step::Happened
    }

    /// Nothing is to happen any more, and what was is forgotten: whoever still has the world in hands keeps little memory.
    pub fn end(&mut self) {
        self.schedule = Schedule::new();
        self.news.clear();
        self.streams = Streams::new(StreamLimits::with_body(MAX_BODY));
        self.record = Record::default();
        self.zone = Zone::default();
        let now = self.now;
        for party in &mut self.parties {
            if let Member::Element(node) = &mut party.member {
                let settings = node.element.settings().clone();
                node.begin_anew(Element::new(settings, now, Random::from_seed(self.random.bytes())));
            }
        }
    }

    /// One more step at the present time. False: there were so many that there seems to be no end.
    fn may_go_on(&mut self) -> bool {
        self.at_once += 1;
        self.at_once < MAX_AT_ONCE
    }

    /// The first element whose script can take something.
    fn ready(&self) -> Option<usize> {
        self.parties.iter().position(|party| match &party.member {
            Member::Element(node) => {
                node.is_ready()
                    || (matches!(node.runner, Runner::Outside) && !node.held && !node.queue.is_empty())
            }
            Member::Peer(_) | Member::Outside => false,
        })
    }

    fn next_timeout(&self) -> Option<(Instant, usize)> {
        let timeouts = self.parties.iter().enumerate().filter_map(|(number, party)| match &party.member {
            Member::Element(node) => Some((node.element.next_timeout()?, number)),
            Member::Peer(_) | Member::Outside => None,
        });
        timeouts.min()
    }

    fn script_step(&mut self, number: usize) -> Step {
        let node = self.node(number);
        let Some(work) = node.take() else { return Step::Nothing };
        if matches!(node.runner, Runner::Outside) {
            return Step::Script(ElementId(number), work);
        }
        match work {
            ScriptWork::TlsHandshake { connection, certificates } => {
                let verdict = self.run_script(number, |script, api| {
                    script.on_tls_handshake(api, connection, &certificates)
                });
                self.judged(ElementId(number), connection, verdict.unwrap_or(false));
            }
            // Such a script has no say in it.
            ScriptWork::Upgrade { connection, .. } => {
                self.answer_upgrade(ElementId(number), connection, bytes::Bytes::new(), Some(true));
            }
            work => {
                self.run_script(number, |script, api| run_work(script, api, work));
            }
        }
        Step::Happened
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Datagram { from, to, wire } => self.datagram(from, to, wire),
            Event::Icmp { at, remote, quoted } => {
                let Some(&number) = self.udp.get(&at) else { return };
                if matches!(self.parties[number].member, Member::Element(_)) {
                    let failure = SendFailure::Unreachable;
                    self.tell(number, Input::UdpError { remote, quoted, failure });
                }
            }
            Event::Script { element, key } => self.node(element).put(ScriptWork::Timer(key)),
            Event::Peer { peer, key } => self.run_peer(peer, |peer, api| peer.timer(api, key)),
            Event::Lookup { element, lookup } => {
                let next = lookup.go_on(&self.zone, self.now);
                self.look_up(element, next);
            }
            Event::Stream(event) => self.stream_event(event),
            Event::Input { element, input } => self.tell(element, *input),
            Event::Outside(news) => self.news.push_back(news),
            Event::PeerEnded { peer, remote } if self.is_outside(peer) => {
                self.news.push_back(News::ConnectionEnded { peer: PartyId(peer), remote });
            }
            Event::PeerEnded { peer, remote } => {
                self.run_peer(peer, |peer, api| peer.connection_ended(api, remote));
            }
        }
    }
}

fn cannot_go_on(step: &Step) -> ! {
    match step {
        Step::Stuck => panic!("the parties keep each other busy and time does not go on"),
        _ => panic!("a script or a peer that is run outside has something to do: {step:?}"),
    }
}

/// Runs something of an element's in its script.
fn run_work(script: &mut dyn Script, api: &mut Api<'_>, work: ScriptWork) {
    match work {
        ScriptWork::Request(request) => {
            script.on_request(api, request.clone());
            if !std::mem::take(&mut api.lingers) {
                api.end_request(&request);
            }
        }
        ScriptWork::Round(round) => api.run_rounds(script, Some(*round)),
        ScriptWork::CallEnded(call, outcome) => script.call_ended(api, call, outcome),
        ScriptWork::CallRenumbered(call, cseq) => script.call_renumbered(call, cseq),
        ScriptWork::Released(anchor) => script.released(anchor),
        ScriptWork::Timer(key) => script.timer(api, key),
        // The verdict is its caller's.
        ScriptWork::TlsHandshake { .. } | ScriptWork::Upgrade { .. } => {}
        ScriptWork::WebSocketClosed { .. } => {}
    }
}
