//! The connections of a world: both ends of each.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::element::ServerProof;
use crate::message::{
    websocket_message, Arrival, ConnectionId, Defect, Source, StreamFramer, StreamLimits, Transport,
};

/// The ports from which connections begin.
const EPHEMERAL: u64 = 40_000;
const EPHEMERAL_PORTS: u64 = 20_000;

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// The listener has not answered yet.
    Opening,
    /// The listener has taken it; certificates are shown and judged.
    Shaking,
    /// A WebSocket is asked for.
    Upgrading,
    /// That was answered, and not decided on.
    Answered,
    /// It carries messages.
    Up,
}

/// Which of its two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    Opener = 0,
    Acceptor = 1,
}

impl Side {
    pub(super) fn other(self) -> Side {
        match self {
            Side::Opener => Side::Acceptor,
            Side::Acceptor => Side::Opener,
        }
    }
}

/// Names an end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EndId {
    pub(super) stream: u64,
    pub(super) side: Side,
}

impl EndId {
    pub(super) fn other(self) -> EndId {
        EndId { side: self.side.other(), ..self }
    }
}

#[derive(Debug)]
enum Framer {
    Sip(Box<StreamFramer>),
    /// Each arrival is one WebSocket message.
    WebSocket(VecDeque<Arrival>),
}

/// One end.
#[derive(Debug)]
pub(super) struct End {
    pub(super) party: usize,
    /// What its party calls the connection.
    pub(super) id: ConnectionId,
    pub(super) source: Source,
    framer: Framer,
    /// Its party knows it, as one that is up or is being opened.
    pub(super) is_there: bool,
    /// Nothing more comes from the other side.
    pub(super) peer_finished: bool,
    /// Its party sends nothing more.
    pub(super) finished: bool,
    /// Kept by each request that waits for its answer.
    pub(super) owed: Arc<()>,
    /// Kept by the response that is to be decided on before anything else is read.
    pub(super) pause: Option<Arc<()>>,
    /// What was sent last from here does not arrive before.
    pub(super) last_arrival: Instant,
    /// What waits until the connection is up, or carries bytes again.
    pub(super) pending: VecDeque<Bytes>,
    /// Since when nothing arrives that is sent from here.
    pub(super) stalled_since: Option<Instant>,
}

impl End {
    fn new(party: usize, id: ConnectionId, source: Source, limits: StreamLimits, now: Instant) -> End {
        let framer = match source.transport.websocket() {
            true => Framer::WebSocket(VecDeque::new()),
            false => Framer::Sip(Box::new(StreamFramer::with_limits(limits))),
        };
        End {
            party,
            id,
            source,
            framer,
            is_there: true,
            peer_finished: false,
            finished: false,
            owed: Arc::default(),
            pause: None,
            last_arrival: now,
            pending: VecDeque::new(),
            stalled_since: None,
        }
    }

    /// Takes bytes that have arrived.
    pub(super) fn push(&mut self, now: Instant, bytes: Bytes) {
        match &mut self.framer {
            Framer::Sip(framer) => framer.push(now, &bytes),
            Framer::WebSocket(waiting) => {
                waiting.extend(websocket_message(bytes).arrivals(&self.source));
            }
        }
    }

    /// The next thing in what has arrived, unless it is not to be read now.
    pub(super) fn next(&mut self) -> Option<Arrival> {
        if self.is_paused() {
            return None;
        }
        self.pause = None;
        match &mut self.framer {
            Framer::Sip(framer) => framer.next().map(|frame| frame.arrival(&self.source)),
            Framer::WebSocket(waiting) => waiting.pop_front(),
        }
    }

    /// Whether nothing is to be read.
    pub(super) fn is_paused(&self) -> bool {
        self.pause.as_ref().is_some_and(|pause| Arc::strong_count(pause) > 1)
    }

    /// Whether a request waits for its answer.
    pub(super) fn owes(&self) -> bool {
        Arc::strong_count(&self.owed) > 1
    }

    /// By when the other side must have sent more.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match &self.framer {
            Framer::Sip(framer) => framer.deadline(),
            Framer::WebSocket(_) => None,
        }
    }

    /// The other side has not sent more in time.
    pub(super) fn expired(&mut self, now: Instant) -> Option<Defect> {
        match &mut self.framer {
            Framer::Sip(framer) => framer.expire(now).map(|frame| match frame.arrival(&self.source) {
                Arrival::Refused { defect, .. } | Arrival::Dropped(defect) | Arrival::End(defect) => defect,
                Arrival::Message(_) | Arrival::Keepalive { .. } => Defect::HeadTimeout,
            }),
            Framer::WebSocket(_) => None,
        }
    }
}

/// A connection.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) phase: Phase,
    pub(super) transport: Transport,
    /// The address that takes it.
    pub(super) to: SocketAddr,
    /// What its server has to prove.
    pub(super) proof: Option<ServerProof>,
    /// How long the handshake may take.
    pub(super) handshake: Duration,
    /// The certificates (DER) that its opener shows as a client, its own first.
    pub(super) shows: Vec<Bytes>,
    /// The HTTP request by which its opener asks for a WebSocket.
    pub(super) upgrade: Option<Bytes>,
    /// What is sent over it does not arrive until this is undone.
    pub(super) stalled: bool,
    /// Where the record has it, if an element opens it.
    pub(super) tried: Option<usize>,
    opener: End,
    acceptor: Option<End>,
}

impl Stream {
    pub(super) fn end(&self, side: Side) -> Option<&End> {
        match side {
            Side::Opener => Some(&self.opener),
            Side::Acceptor => self.acceptor.as_ref(),
        }
    }

    pub(super) fn end_mut(&mut self, side: Side) -> Option<&mut End> {
        match side {
            Side::Opener => Some(&mut self.opener),
            Side::Acceptor => self.acceptor.as_mut(),
        }
    }
}

/// What happens on a connection.
#[derive(Debug)]
pub(super) enum StreamEvent {
    /// It reaches the address that it goes to.
    Asked(u64),
    /// The answer is back: the listener takes it.
    Taken(u64),
    /// The answer is back: nobody takes it.
    Refused(u64),
    /// Certificates were shown.
    Shown(u64),
    /// It may have taken too long to come so far.
    Limit(u64, Phase),
    /// Bytes arrive at an end.
    Bytes(EndId, Bytes),
    /// The other side sends nothing more.
    Finished(EndId),
    /// It is broken.
    Reset(EndId),
    /// The other side has had its time to send the rest of a message.
    Deadline(EndId),
    /// What did not arrive is sent again.
    Again(EndId),
}

/// What a connection is opened with.
#[derive(Debug)]
pub(super) struct Opening {
    pub(super) party: usize,
    /// `None`: one is given.
    pub(super) id: Option<ConnectionId>,
    pub(super) transport: Transport,
    /// The address of the host that opens it; the port is given.
    pub(super) from: IpAddr,
    pub(super) to: SocketAddr,
    pub(super) proof: Option<ServerProof>,
    pub(super) handshake: Duration,
}

/// All connections.
#[derive(Debug)]
pub(super) struct Streams {
    by_number: BTreeMap<u64, Stream>,
    by_id: BTreeMap<(usize, ConnectionId), EndId>,
    /// Those that are paused, or whose other side has finished.
    waiting: BTreeSet<EndId>,
    last: u64,
    limits: StreamLimits,
}

impl Streams {
    /// None yet; messages on them have these bounds.
    pub(super) fn new(limits: StreamLimits) -> Streams {
        Streams {
            by_number: BTreeMap::new(),
            by_id: BTreeMap::new(),
            waiting: BTreeSet::new(),
            last: 0,
            limits,
        }
    }

    /// A connection is opened.
    pub(super) fn open(&mut self, opening: Opening, now: Instant) -> EndId {
        self.last += 1;
        let number = self.last;
        let Opening { party, id, transport, from, to, proof, handshake } = opening;
        let id = id.unwrap_or_else(|| self.accepted_id());
        let port = (EPHEMERAL + number % EPHEMERAL_PORTS) as u16;
        let local = SocketAddr::new(from, port);
        let source = Source { transport, remote: to, local, connection: Some(id), inbound: false };
        let opener = End::new(party, id, source, self.limits, now);
        let end = EndId { stream: number, side: Side::Opener };
        let stream = Stream {
            phase: Phase::Opening,
            transport,
            to,
            proof,
            handshake,
            shows: Vec::new(),
            upgrade: None,
            stalled: false,
            tried: None,
            opener,
            acceptor: None,
        };
        self.by_number.insert(number, stream);
        self.by_id.insert((party, id), end);
        end
    }

    /// Has the server of a connection prove more; false when its handshake has begun.
    pub(super) fn tighten(&mut self, party: usize, id: ConnectionId, wanted: &ServerProof) -> bool {
        let Some(end) = self.by_id(party, id) else { return false };
        let stream = self.by_number.get_mut(&end.stream);
        let opening = stream.filter(|it| it.phase == Phase::Opening);
        let Some(proof) = opening.and_then(|it| it.proof.as_mut()) else { return false };
        proof.tighten(wanted);
        true
    }

    /// A party takes a connection.
    pub(super) fn accept(&mut self, number: u64, party: usize, now: Instant) -> Option<EndId> {
        let id = self.accepted_id();
        let (limits, end) = (self.limits, EndId { stream: number, side: Side::Acceptor });
        let stream = self.by_number.get_mut(&number)?;
        let (transport, local, remote) = (stream.transport, stream.to, stream.opener.source.local);
        let source = Source { transport, remote, local, connection: Some(id), inbound: true };
        stream.acceptor = Some(End::new(party, id, source, limits, now));
        self.by_id.insert((party, id), end);
        Some(end)
    }

    /// An even number: elements give odd ones to those that they open.
    fn accepted_id(&mut self) -> ConnectionId {
        self.last += 1;
        ConnectionId::new(self.last << 1)
    }

    pub(super) fn get(&self, number: u64) -> Option<&Stream> {
        self.by_number.get(&number)
    }

    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut Stream> {
        self.by_number.get_mut(&number)
    }

    pub(super) fn end(&self, end: EndId) -> Option<&End> {
        self.by_number.get(&end.stream)?.end(end.side)
    }

    pub(super) fn end_mut(&mut self, end: EndId) -> Option<&mut End> {
        self.by_number.get_mut(&end.stream)?.end_mut(end.side)
    }

    /// The end that a party calls so.
    pub(super) fn by_id(&self, party: usize, id: ConnectionId) -> Option<EndId> {
        self.by_id.get(&(party, id)).copied()
    }

    /// The newest connection of a party with an address.
    pub(super) fn with(&self, party: usize, remote: SocketAddr) -> Option<EndId> {
        self.ends_of(|end| end.party == party && end.source.remote == remote && end.is_there).last()
    }

    /// The sources of what comes to a party over connections that are up.
    pub(super) fn up_of(&self, party: usize) -> Vec<Source> {
        let up = self.by_number.values().filter(|stream| stream.phase == Phase::Up);
        let ends = up.flat_map(|stream| [Side::Opener, Side::Acceptor].map(|side| stream.end(side)));
        let own = ends.flatten().filter(|end| end.party == party && end.is_there);
        own.map(|end| end.source).collect()
    }

    /// All ends that begin at, or were opened to, an address.
    pub(super) fn at(&self, address: SocketAddr) -> Vec<EndId> {
        self.ends_of(|end| end.source.local == address).collect()
    }

    /// All ends at a host.
    pub(super) fn of_host(&self, host: IpAddr) -> Vec<EndId> {
        self.ends_of(|end| end.source.local.ip() == host).collect()
    }

    /// An end is paused, or its other side has finished: it is to be looked at when its party has done something.
    pub(super) fn waits(&mut self, end: EndId) {
        self.waiting.insert(end);
    }

    /// An end of a party that was paused and is no more, or whose other side has finished and that owes nothing any more.
    pub(super) fn going_on(&mut self, party: usize) -> Option<EndId> {
        let waits = |end: &End| end.is_paused() || (end.peer_finished && end.owes());
        let goes_on = |id: &&EndId| {
            self.end(**id).is_none_or(|end| end.party == party && !(end.is_there && waits(end)))
        };
        let id = self.waiting.iter().find(goes_on).copied()?;
        self.waiting.remove(&id);
        Some(id)
    }

    /// All ends of a kind.
    fn ends_of<'a>(&'a self, is_one: impl Fn(&End) -> bool + 'a) -> impl Iterator<Item = EndId> + 'a {
        let ends = self.by_number.iter().flat_map(|(number, stream)| {
            [Side::Opener, Side::Acceptor].map(|side| (EndId { stream: *number, side }, stream.end(side)))
        });
        ends.filter(move |(_, end)| end.is_some_and(&is_one)).map(|(id, _)| id)
    }

    /// A party has no such connection any more. Hands out its end, if it had it.
    pub(super) fn leave(&mut self, end: EndId) -> Option<(usize, ConnectionId)> {
        let stream = self.by_number.get_mut(&end.stream)?;
        let left = stream.end_mut(end.side).filter(|end| end.is_there)?;
        left.is_there = false;
        let named = (left.party, left.id);
        self.by_id.remove(&named);
        if !stream.opener.is_there && stream.acceptor.as_ref().is_none_or(|acceptor| !acceptor.is_there) {
            self.by_number.remove(&end.stream);
        }
        Some(named)
    }
}
