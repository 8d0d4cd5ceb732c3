//! The connections that the element knows: which one serves a target, and which flow a token names (RFC 5626).

use std::net::{IpAddr, SocketAddr};

use hmac::{Hmac, Mac};
use sha2::Sha256;
use smallvec::SmallVec;

use super::ids::Numbers;
use super::output::{ServerName, ServerProof};
use super::table::{Set, Table, Tables};
use crate::client::Branch;
use crate::message::{ConnectionId, Source, Transport};
use crate::resolve::Target;

/// Bytes of a flow token, which has two digits for each.
const TOKEN_BYTES: usize = 5;

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It is being opened from here.
    Opening,
    /// It carries messages.
    Up,
    /// Its peer has closed its side and waits for answers.
    Finished,
}

#[derive(Debug)]
struct Flow {
    phase: Phase,
    transport: Transport,
    remote: SocketAddr,
    /// Our end, once that is known.
    local: Option<SocketAddr>,
    inbound: bool,
    /// Something has come over it.
    heard: bool,
    /// It may lead nowhere any more.
    doubted: bool,
    /// What its server has to prove; none for TCP and for what a client opened.
    proof: Option<ServerProof>,
    /// The client transactions that were sent on it, by their branches.
    branches: Set<Branch>,
}

impl Flow {
    fn serves(&self, wanted: Option<&ServerProof>) -> bool {
        match (&self.proof, wanted) {
            (_, None) => true,
            (Some(proof), Some(wanted)) => proof.covers(wanted),
            // One that a client opened: it proves its address at best.
            (None, Some(wanted)) => {
                self.inbound && matches!(wanted.name, ServerName::Ip(_)) && !wanted.by_library
            }
        }
    }
}

/// The connections of an element.
#[derive(Debug)]
pub(super) struct Flows {
    by_id: Table<ConnectionId, Flow>,
    /// Newest last. More than one is rare: the peer connected to us while we connected to it.
    by_peer: Table<Target, SmallVec<[ConnectionId; 1]>>,
    by_token: Table<String, ConnectionId>,
    /// Makes tokens that nobody can guess.
    token_key: Hmac<Sha256>,
    numbers: Numbers,
    tables: Tables,
}

impl Flows {
    pub(super) fn new(element: u16, tables: &Tables, token_key: [u8; 32]) -> Flows {
        Flows {
            by_id: tables.table(),
            by_peer: tables.table(),
            by_token: tables.table(),
            token_key: Hmac::new_from_slice(&token_key).expect("HMAC takes a key of any length"),
            numbers: Numbers::of_element(element),
            tables: tables.clone(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// The newest connection to a target that serves what is wanted, be it up or being opened.
    pub(super) fn serving(&self, target: &Target, wanted: Option<&ServerProof>) -> Option<ConnectionId> {
        self.find(target, |flow| flow.serves(wanted)).map(|(id, _)| id)
    }

    /// As [`Flows::serving`], but opened from here at this address; with where it begins.
    pub(super) fn serving_from(
        &self,
        ip: IpAddr,
        target: &Target,
        wanted: Option<&ServerProof>,
    ) -> Option<(ConnectionId, SocketAddr)> {
        let from_there = |flow: &Flow| !flow.inbound && flow.local.is_some_and(|local| local.ip() == ip);
        let (id, flow) = self.find(target, |flow| from_there(flow) && flow.serves(wanted))?;
        Some((id, flow.local?))
    }

    /// The newest connection to a target that is being opened for this server.
    pub(super) fn opening(&self, target: &Target, server: &ServerName) -> Option<ConnectionId> {
        let for_it = |flow: &Flow| {
            flow.phase == Phase::Opening && flow.proof.as_ref().is_some_and(|proof| proof.name == *server)
        };
        self.find(target, for_it).map(|(id, _)| id)
    }

    /// The server of a connection has to prove this as well.
    pub(super) fn tighten(&mut self, id: ConnectionId, wanted: &ServerProof) {
        if let Some(proof) = self.by_id.get_mut(&id).and_then(|flow| flow.proof.as_mut()) {
            proof.tighten(wanted);
        }
    }

    fn find(&self, target: &Target, fits: impl Fn(&Flow) -> bool) -> Option<(ConnectionId, &Flow)> {
        let ids = self.by_peer.get(target)?;
        ids.iter().rev().filter_map(|id| Some((*id, self.by_id.get(id)?))).find(|(_, flow)| fits(flow))
    }

    /// A connection that is being opened from here from now on.
    pub(super) fn open(&mut self, target: &Target, proof: Option<ServerProof>) -> ConnectionId {
        // Odd: the driver gives even numbers to the connections that it accepts.
        let id = ConnectionId::new(self.numbers.next() << 1 | 1);
        self.insert(id, Phase::Opening, target, false, proof);
        id
    }

    fn insert(
        &mut self,
        id: ConnectionId,
        phase: Phase,
        target: &Target,
        inbound: bool,
        proof: Option<ServerProof>,
    ) {
        let flow = Flow {
            phase,
            transport: target.transport,
            remote: target.addr,
            local: None,
            inbound,
            heard: false,
            doubted: false,
            proof,
            branches: self.tables.set(),
        };
        self.by_id.insert(id, flow);
        self.by_peer.entry(*target).or_default().push(id);
    }

    /// A connection is up.
    pub(super) fn opened(&mut self, id: ConnectionId, target: &Target, local: SocketAddr, inbound: bool) {
        if !self.by_id.contains_key(&id) {
            self.insert(id, Phase::Up, target, inbound, None);
        }
        if let Some(flow) = self.by_id.get_mut(&id) {
            flow.phase = Phase::Up;
            flow.local = Some(local);
        }
        if inbound {
            self.by_token.insert(self.token_of(id), id);
        }
    }

    /// Where a connection begins that is being opened.
    pub(super) fn begins_at(&mut self, id: ConnectionId, local: SocketAddr) {
        if let Some(flow) = self.by_id.get_mut(&id) {
            flow.local = Some(local);
        }
    }

    /// A message has come over a connection.
    pub(super) fn heard(&mut self, id: ConnectionId) {
        if let Some(flow) = self.by_id.get_mut(&id) {
            flow.heard = true;
        }
    }

    /// Whether a connection was opened from here and has served before: something has come over it.
    pub(super) fn has_served(&self, id: ConnectionId) -> bool {
        self.by_id.get(&id).is_some_and(|flow| !flow.inbound && flow.heard)
    }

    /// The peer has closed its side: no request is sent on it any more. Hands out the branches that were.
    pub(super) fn finished(&mut self, id: ConnectionId) -> Vec<Branch> {
        let Some(flow) = self.by_id.get_mut(&id) else { return Vec::new() };
        flow.phase = Phase::Finished;
        let branches = in_order(flow.branches.drain());
        self.leave_peer(id);
        branches
    }

    /// A connection is gone. Hands out the branches that were sent on it.
    pub(super) fn ended(&mut self, id: ConnectionId) -> Vec<Branch> {
        self.leave_peer(id);
        let Some(mut flow) = self.by_id.remove(&id) else { return Vec::new() };
        in_order(flow.branches.drain())
    }

    /// The other end of a connection.
    pub(super) fn peer(&self, id: ConnectionId) -> Option<Target> {
        let flow = self.by_id.get(&id)?;
        Some(Target::new(flow.transport, flow.remote.ip(), flow.remote.port()))
    }

    fn leave_peer(&mut self, id: ConnectionId) {
        let (Some(flow), Some(peer)) = (self.by_id.get(&id), self.peer(id)) else { return };
        if flow.inbound {
            self.by_token.remove(&self.token_of(id));
        }
        if let Some(ids) = self.by_peer.get_mut(&peer) {
            ids.retain(|known| *known != id);
            if ids.is_empty() {
                self.by_peer.remove(&peer);
            }
        }
    }

    /// A client transaction was sent on a connection.
    pub(super) fn carries(&mut self, id: ConnectionId, branch: &Branch) {
        if let Some(flow) = self.by_id.get_mut(&id) {
            flow.branches.insert(branch.clone());
        }
    }

    /// A client transaction is over, or goes on elsewhere. Says whether the connection is of no use any more.
    pub(super) fn carries_no_more(&mut self, id: ConnectionId, branch: &Branch) -> bool {
        let Some(flow) = self.by_id.get_mut(&id) else { return false };
        flow.branches.remove(branch);
        flow.doubted && flow.branches.is_empty()
    }

    /// A request on a connection of ours has got no answer, and nothing else was heard of its target: a peer that has lost its power
    /// or its way here ends no connection. New requests open another one; this one ends with what is pending on it.
    pub(super) fn doubt(&mut self, id: ConnectionId) {
        if let Some(flow) = self.by_id.get_mut(&id).filter(|flow| !flow.inbound && flow.phase == Phase::Up) {
            flow.doubted = true;
            self.leave_peer(id);
        }
    }

    /// Whether a connection is there, its peer be waiting for answers or not.
    pub(super) fn contains(&self, id: ConnectionId) -> bool {
        self.by_id.contains_key(&id)
    }

    /// Whether a connection is being opened from here: it is to be told yet that it is up, or that it failed.
    pub(super) fn is_opening(&self, id: ConnectionId) -> bool {
        self.by_id.get(&id).is_some_and(|flow| flow.phase == Phase::Opening)
    }

    /// Whether requests can be sent on a connection: it is up or being opened.
    pub(super) fn takes_requests(&self, id: ConnectionId) -> bool {
        self.by_id.get(&id).is_some_and(|flow| flow.phase != Phase::Finished)
    }

    /// A request could not be sent on a connection: it is gone, though its end was not told yet.
    pub(super) fn takes_no_more(&mut self, id: ConnectionId) {
        if let Some(flow) = self.by_id.get_mut(&id) {
            flow.phase = Phase::Finished;
            self.leave_peer(id);
        }
    }

    /// The token of the flow that a client opened, or is about to open. `None` for a connection that was opened from here, or that
    /// takes no requests any more.
    pub(super) fn token(&self, source: &Source) -> Option<String> {
        let id = source.connection.filter(|_| source.inbound)?;
        let known = self.by_id.get(&id);
        known.is_none_or(|flow| flow.inbound && flow.phase == Phase::Up).then(|| self.token_of(id))
    }

    fn token_of(&self, id: ConnectionId) -> String {
        let code = self.token_key.clone().chain_update(id.as_u64().to_le_bytes()).finalize().into_bytes();
        code[..TOKEN_BYTES].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The connection that a token was made for.
    pub(super) fn by_token(&self, token: &str) -> Option<Source> {
        let id = *self.by_token.get(token)?;
        let flow = self.by_id.get(&id)?;
        Some(Source {
            transport: flow.transport,
            remote: flow.remote,
            local: flow.local?,
            connection: Some(id),
            inbound: flow.inbound,
        })
    }
}

/// What leaves the element does not depend on the order of a set.
fn in_order(branches: impl Iterator<Item = Branch>) -> Vec<Branch> {
    let mut branches: Vec<_> = branches.collect();
    branches.sort_unstable();
    branches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flows() -> Flows {
        Flows::new(1, &Tables::keyed([1; 4]), [7; 32])
    }

    fn target(port: u16) -> Target {
        Target::new(Transport::Tls, [192, 0, 2, 1].into(), port)
    }

    fn proof(domain: &str, by_library: bool) -> ServerProof {
        ServerProof { name: ServerName::Domain(domain.to_owned()), by_library, by_callback: false }
    }

    const HERE: &str = "192.0.2.9:5061";

    #[test]
    fn a_connection_serves_its_server_with_no_more_demands_than_it_was_opened_for() {
        let mut flows = flows();
        let id = flows.open(&target(1), Some(proof("a.example", true)));
        let found = |wanted: &ServerProof| flows.serving(&target(1), Some(wanted));
        assert_eq!(found(&proof("a.example", false)), Some(id));
        assert_eq!(found(&proof("b.example", false)), None);
        assert_eq!(flows.serving(&target(2), None), None);
    }

    #[test]
    fn a_finished_connection_takes_no_request_and_hands_out_its_branches() {
        let mut flows = flows();
        let id = flows.open(&target(1), None);
        flows.opened(id, &target(1), HERE.parse().unwrap(), false);
        let [a, b] = [1, 2].map(|digit| Branch::new([digit; 8], &[b'0'; 32]));
        for branch in [&b, &a] {
            flows.carries(id, branch);
        }
        assert_eq!(flows.finished(id), [a, b]);
        assert_eq!(flows.serving(&target(1), None), None);
        assert!(flows.contains(id));
        assert!(flows.ended(id).is_empty() && !flows.contains(id));
    }

    #[test]
    fn only_what_a_client_opened_has_a_token_and_only_as_long_as_it_is_up() {
        let mut flows = flows();
        let source = |connection, inbound| Source {
            transport: Transport::Tls,
            remote: target(2).addr,
            local: HERE.parse().unwrap(),
            connection: Some(connection),
            inbound,
        };
        let ours = flows.open(&target(1), None);
        assert_eq!(flows.token(&source(ours, false)), None);
        let theirs = ConnectionId::new(2);
        let early = flows.token(&source(theirs, true)).expect("the script is asked before it is up");
        assert!(flows.by_token(&early).is_none());
        flows.opened(theirs, &target(2), HERE.parse().unwrap(), true);
        assert_eq!(flows.token(&source(theirs, true)).as_deref(), Some(&early[..]));
        assert_eq!(flows.by_token(&early).and_then(|source| source.connection), Some(theirs));
        flows.finished(theirs);
        assert_eq!(flows.token(&source(theirs, true)), None);
        assert!(flows.by_token(&early).is_none());
    }
}
