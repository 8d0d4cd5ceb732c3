//! Connections: how they come up, carry bytes, stall, break and end.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Event, News, World};
use crate::element::{ConnectionEnd, Input};
use crate::message::Transport;
use crate::simulation::network::Reachability;
use crate::simulation::node::ScriptWork;
use crate::simulation::party::PartyId;
use crate::simulation::record::{ConnectionOutcome, Fate, TriedConnection};
use crate::simulation::stream::{EndId, Opening, Phase, Side, StreamEvent};

/// How often what does not arrive is sent again, and after which time it breaks the connection.
const STALL_RETRY: Duration = Duration::from_secs(1);
const STALL_LIMIT: Duration = Duration::from_secs(120);

impl World {
    /// Breaks all connections that begin at an address, or go to it: both sides find them reset.
    pub fn break_connections(&mut self, address: SocketAddr) {
        let ends = self.streams.at(address);
        self.reset(ends);
    }

    /// Breaks all connections of a host.
    pub fn break_connections_of(&mut self, host: IpAddr) {
        let ends = self.streams.of_host(host);
        self.reset(ends);
    }

    pub(super) fn reset(&mut self, ends: Vec<EndId>) {
        for end in ends.into_iter().flat_map(|end| [end, end.other()]) {
            self.schedule.put(self.now, Event::Stream(StreamEvent::Reset(end)));
        }
    }

    /// How many connections there are at an address.
    pub fn connections_at(&self, address: SocketAddr) -> usize {
        self.streams.at(address).len()
    }

    pub(super) fn stream_event(&mut self, event: StreamEvent) {
        match event {
            StreamEvent::Asked(number) => self.asked(number),
            StreamEvent::Taken(number) => self.taken(number),
            StreamEvent::Refused(number) => {
                self.settle(number, ConnectionOutcome::Refused);
                self.not_opened(number, ConnectionEnd::Unreachable);
            }
            StreamEvent::Shown(number) => self.shown(number),
            StreamEvent::Limit(number, phase) => {
                if self.streams.get(number).is_some_and(|stream| stream.phase == phase) {
                    self.settle(number, ConnectionOutcome::TimedOut);
                    self.not_opened(number, ConnectionEnd::Unreachable);
                }
            }
            StreamEvent::Bytes(end, bytes) if self.arrived_outside(end, &bytes) => {}
            StreamEvent::Bytes(end, bytes) => {
                let now = self.now;
                if let Some(end) = self.streams.end_mut(end).filter(|end| end.is_there) {
                    end.push(now, bytes);
                }
                self.read(end);
            }
            StreamEvent::Finished(end) => self.peer_finished(end),
            StreamEvent::Reset(end) => self.end_end(end, ConnectionEnd::Closed),
            StreamEvent::Deadline(end) => self.deadline(end),
            StreamEvent::Again(end) => self.send_again(end),
        }
    }

    // Opening ------------------------------------------------------------------------------------------------------

    /// Opens a connection. What is sent on it waits until it is up.
    pub(super) fn open_stream(&mut self, opening: Opening, limit: Duration) -> EndId {
        let (party, transport, to) = (opening.party, opening.transport, opening.to);
        let end = self.streams.open(opening, self.now);
        if self.is_element(party) {
            let tried = self.record.tried(TriedConnection {
                at: self.now(),
                party: PartyId(party),
                receiver: self.listening.get(&(to, transport)).copied().map(PartyId),
                transport,
                to,
                outcome: ConnectionOutcome::Opening,
            });
            if let Some(stream) = self.streams.get_mut(end.stream) {
                stream.tried = tried;
            }
        }
        let after = self.delay(end);
        self.put_stream(after, StreamEvent::Asked(end.stream));
        self.put_stream(limit, StreamEvent::Limit(end.stream, Phase::Opening));
        end
    }

    /// It is known what comes of a connection that an element opens.
    pub(super) fn settle(&mut self, number: u64, outcome: ConnectionOutcome) {
        if let Some(tried) = self.streams.get(number).and_then(|stream| stream.tried) {
            self.record.settle(tried, outcome);
        }
    }

    fn put_stream(&mut self, after: Duration, event: StreamEvent) {
        self.schedule.put(self.now + after, Event::Stream(event));
    }

    /// How long something takes from one end to the other one. The order is kept elsewhere.
    fn delay(&mut self, end: EndId) -> Duration {
        let Some(source) = self.streams.end(end).map(|end| end.source) else { return Duration::ZERO };
        let conditions = self.network.conditions(source.local, source.remote);
        conditions.delay + conditions.drawn_jitter(&mut self.random)
    }

    fn asked(&mut self, number: u64) {
        let Some((transport, to)) = self.streams.get(number).map(|stream| (stream.transport, stream.to))
        else {
            return;
        };
        let opener = EndId { stream: number, side: Side::Opener };
        let after = self.delay(opener);
        let cut = self.network.cut(to);
        match (cut, self.listening.get(&(to, transport)).copied()) {
            (None, Some(party)) => {
                self.streams.accept(number, party, self.now);
                self.put_stream(after, StreamEvent::Taken(number));
            }
            (Some(Reachability::Silent), _) => {}
            (None, None) if !self.is_host(to) => {}
            _ => self.put_stream(after, StreamEvent::Refused(number)),
        }
    }

    fn taken(&mut self, number: u64) {
        let opener = EndId { stream: number, side: Side::Opener };
        let after = self.delay(opener) * 2;
        let Some(stream) = self.streams.get_mut(number) else { return };
        if !stream.transport.secure() {
            return self.shaken(number);
        }
        stream.phase = Phase::Shaking;
        let (limit, to) = (stream.handshake, stream.to);
        self.put_stream(limit, StreamEvent::Limit(number, Phase::Shaking));
        if self.network.cut(to).is_none() {
            self.put_stream(after, StreamEvent::Shown(number));
        }
    }

    pub(super) fn up(&mut self, number: u64) {
        let Some(stream) = self.streams.get_mut(number) else { return };
        stream.phase = Phase::Up;
        self.settle(number, ConnectionOutcome::Up);
        for side in [Side::Acceptor, Side::Opener] {
            let Some(end) = self.streams.end(EndId { stream: number, side }) else { continue };
            let (party, connection, source) = (end.party, end.id, end.source);
            if self.is_element(party) {
                let (transport, remote, local) = (source.transport, source.remote, source.local);
                let inbound = source.inbound;
                let opened = Input::ConnectionOpened {
                    connection,
                    transport,
                    remote,
                    local,
                    inbound,
                    handshake: None,
                };
                self.tell(party, opened);
            } else if self.is_outside(party) {
                self.news.push_back(News::ConnectionUp { peer: PartyId(party), remote: source.remote });
            }
        }
        self.flush(EndId { stream: number, side: Side::Opener });
    }

    /// A connection does not come up. The other side, if it has taken it, sees it end.
    pub(super) fn not_opened(&mut self, number: u64, why: ConnectionEnd) {
        let [opener, acceptor] = [Side::Opener, Side::Acceptor].map(|side| EndId { stream: number, side });
        // A listener that was told nothing of it hears nothing of its end.
        self.streams.leave(acceptor);
        self.end_end(opener, why);
    }

    // Sending ------------------------------------------------------------------------------------------------------

    /// A peer sends over its connection with an address, which is opened where there is none.
    pub(super) fn send_on_stream(
        &mut self,
        party: usize,
        (transport, own): (Transport, SocketAddr),
        to: SocketAddr,
        wire: Bytes,
    ) {
        let known = self.streams.with(party, to);
        let end = known.unwrap_or_else(|| self.open_for_peer(party, (transport, own), to));
        self.send_bytes(end, wire);
    }

    /// Sends bytes from an end. False: its party sends nothing more over it.
    pub(super) fn send_bytes(&mut self, from: EndId, wire: Bytes) -> bool {
        let up = self.streams.get(from.stream).is_some_and(|stream| stream.phase == Phase::Up);
        let Some(end) = self.streams.end_mut(from).filter(|end| end.is_there && !end.finished) else {
            return false;
        };
        end.pending.push_back(wire);
        if up && end.stalled_since.is_none() {
            self.flush(from);
        }
        true
    }

    /// Sends what waits at an end.
    fn flush(&mut self, from: EndId) {
        while let Some(end) = self.streams.end(from).filter(|end| !end.pending.is_empty()) {
            if self.is_held_up(from.stream, end.source.local, end.source.remote) {
                return self.wait_for_network(from);
            }
            let after = self.delay(from);
            let now = self.now;
            let Some(end) = self.streams.end_mut(from) else { return };
            let Some(wire) = end.pending.pop_front() else { return };
            let at = end.last_arrival.max(now + after);
            end.last_arrival = at;
            let (party, way) = (end.party, (end.source.transport, end.source.local, end.source.remote));
            let receiver = self.streams.end(from.other()).map(|end| PartyId(end.party));
            self.note((party, receiver), way, Fate::Sent, &wire);
            self.schedule.put(at, Event::Stream(StreamEvent::Bytes(from.other(), wire)));
            if self.streams.end(from).is_some_and(|end| end.finished && end.pending.is_empty()) {
                self.send_end(from);
            }
        }
    }

    /// Whether nothing arrives that is sent over a connection.
    fn is_held_up(&self, number: u64, local: SocketAddr, remote: SocketAddr) -> bool {
        self.streams.get(number).is_some_and(|stream| stream.stalled)
            || [local, remote].into_iter().any(|address| self.network.cut(address).is_some())
    }

    /// Nothing arrives that is sent from an end: it is tried again, as TCP does.
    fn wait_for_network(&mut self, from: EndId) {
        let now = self.now;
        if let Some(end) = self.streams.end_mut(from) {
            end.stalled_since.get_or_insert(now);
            self.put_stream(STALL_RETRY, StreamEvent::Again(from));
        }
    }

    fn send_again(&mut self, from: EndId) {
        let now = self.now;
        let Some(end) = self.streams.end_mut(from) else { return };
        let over = end.stalled_since.is_some_and(|since: Instant| now >= since + STALL_LIMIT);
        let (local, remote) = (end.source.local, end.source.remote);
        if !self.is_held_up(from.stream, local, remote) {
            if let Some(end) = self.streams.end_mut(from) {
                end.stalled_since = None;
            }
            return self.flush(from);
        }
        if over {
            return self.end_end(from, ConnectionEnd::Closed);
        }
        self.put_stream(STALL_RETRY, StreamEvent::Again(from));
    }

    // Receiving ----------------------------------------------------------------------------------------------------

    /// Reads what has arrived at an end, as far as it is to be read.
    fn read(&mut self, id: EndId) {
        while let Some(end) = self.streams.end_mut(id).filter(|end| end.is_there) {
            let (party, source) = (end.party, end.source);
            let Some(arrival) = end.next() else { break };
            self.arrived(party, source, arrival, Some(id));
        }
        if let Some(at) = self.streams.end(id).and_then(|end| end.deadline()) {
            self.schedule.put(at, Event::Stream(StreamEvent::Deadline(id)));
        }
        self.close_if_done(id);
    }

    /// Reads on at the ends of an element that were paused, and closes those that have given what they owed.
    pub(super) fn read_on(&mut self, party: usize) {
        while let Some(id) = self.streams.going_on(party) {
            self.read(id);
        }
    }

    fn deadline(&mut self, id: EndId) {
        let now = self.now;
        let expired = self.streams.end_mut(id).filter(|end| end.is_there).and_then(|end| end.expired(now));
        if expired.is_some() {
            self.break_off(Some(id));
        }
    }

    // Ending -------------------------------------------------------------------------------------------------------

    /// A peer closes its side of the connection with an address.
    pub(super) fn finish_stream(&mut self, party: usize, remote: SocketAddr) {
        if let Some(end) = self.streams.with(party, remote) {
            self.finish_end(end);
        }
    }

    /// A peer closes its connection with an address.
    pub(super) fn close_stream(&mut self, party: usize, remote: SocketAddr) {
        if let Some(end) = self.streams.with(party, remote) {
            self.close_end(end);
        }
    }

    /// Nothing more is sent from an end after what waits there.
    pub(super) fn finish_end(&mut self, id: EndId) {
        let up = self.streams.get(id.stream).is_some_and(|stream| stream.phase == Phase::Up);
        let Some(end) = self.streams.end_mut(id).filter(|end| !end.finished) else { return };
        end.finished = true;
        if up && end.pending.is_empty() {
            self.send_end(id);
        }
    }

    /// The other side is told that nothing more comes.
    fn send_end(&mut self, id: EndId) {
        let after = self.delay(id);
        let now = self.now;
        let Some(end) = self.streams.end(id) else { return };
        let at = end.last_arrival.max(now + after);
        self.schedule.put(at, Event::Stream(StreamEvent::Finished(id.other())));
    }

    /// Closes an end from here, after what was sent on it.
    pub(super) fn close_end(&mut self, id: EndId) {
        self.finish_end(id);
        self.end_end(id, ConnectionEnd::Broken);
    }

    /// Nothing of what comes can be read any more.
    pub(super) fn break_off(&mut self, id: Option<EndId>) {
        if let Some(id) = id {
            self.close_end(id);
        }
    }

    /// The other side sends nothing more. An element gives the answers that it owes; then the connection is over.
    fn peer_finished(&mut self, id: EndId) {
        let Some(end) = self.streams.end_mut(id).filter(|end| end.is_there) else { return };
        end.peer_finished = true;
        let (party, connection) = (end.party, end.id);
        self.streams.waits(id);
        if self.is_element(party) {
            self.tell(party, Input::PeerFinished { connection });
        }
        self.close_if_done(id);
    }

    fn close_if_done(&mut self, id: EndId) {
        let done =
            |end: &&crate::simulation::stream::End| end.peer_finished && !end.owes() && !end.is_paused();
        if self.streams.end(id).filter(|end| end.is_there).filter(done).is_some() {
            self.finish_end(id);
            self.end_end(id, ConnectionEnd::Closed);
        }
    }

    /// A party has no such connection any more, and hears of it.
    fn end_end(&mut self, id: EndId, why: ConnectionEnd) {
        let Some(remote) = self.streams.end(id).map(|end| end.source.remote) else { return };
        let was_up = self.streams.get(id.stream).is_some_and(|stream| stream.phase == Phase::Up);
        let websocket = self.streams.end(id).is_some_and(|end| end.source.transport.websocket());
        let Some((party, connection)) = self.streams.leave(id) else { return };
        if self.is_element(party) {
            if was_up && websocket && self.is_run_outside(party) {
                let by_client = why == ConnectionEnd::Closed;
                self.node(party).put(ScriptWork::WebSocketClosed { connection, by_client });
            }
            self.tell_later(party, Input::ConnectionEnded { connection, end: why });
        } else {
            self.schedule.put(self.now, Event::PeerEnded { peer: party, remote });
        }
    }
}
