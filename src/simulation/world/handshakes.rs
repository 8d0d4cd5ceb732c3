//! From a connection that was taken to one that carries messages: certificates are shown and judged, a WebSocket is asked for.

use std::time::SystemTime;

use bytes::Bytes;

use super::{ElementId, News, World};
use crate::element::{ConnectionEnd, ServerName};
use crate::message::{ConnectionId, Transport};
use crate::simulation::node::{ClientJudgement, ScriptWork};
use crate::simulation::party::PartyId;
use crate::simulation::record::ConnectionOutcome;
use crate::simulation::stream::{EndId, Phase, Side};

impl World {
    /// The script of an element judges the clients that connect by TLS or as secure WebSockets, or does not: at first it
    /// does not.
    pub fn judge_clients(&mut self, id: ElementId, transport: Transport, judgement: ClientJudgement) {
        let node = self.node(id.0);
        match transport {
            Transport::Wss => node.websocket_clients = judgement,
            _ => node.clients = judgement,
        }
    }

    /// The script that is run outside accepts the certificates of a peer, or does not ([`ScriptWork::TlsHandshake`]).
    pub fn judge_connection(&mut self, id: ElementId, connection: ConnectionId, accepted: bool) {
        self.judged(id, connection, accepted);
    }

    /// The script that is run outside answers the request for a WebSocket ([`ScriptWork::Upgrade`]), once. The client gets its
    /// WebSocket, or the connection is closed; `None`: neither, yet.
    pub fn answer_upgrade(
        &mut self,
        id: ElementId,
        connection: ConnectionId,
        response: Bytes,
        granted: Option<bool>,
    ) {
        let Some(end) = self.streams.by_id(id.0, connection) else { return };
        let Some(stream) = self.streams.get_mut(end.stream) else { return };
        if stream.phase != Phase::Upgrading {
            return;
        }
        stream.phase = Phase::Answered;
        let opener = stream.end(Side::Opener).map(|end| (PartyId(end.party), end.source.remote));
        if let Some((peer, remote)) = opener.filter(|(peer, _)| self.is_outside(peer.0)) {
            self.news.push_back(News::UpgradeAnswered { peer, remote, response });
        }
        match granted {
            Some(true) => self.up(end.stream),
            Some(false) => self.not_opened(end.stream, ConnectionEnd::NotAccepted),
            None => {}
        }
    }

    /// The date of now.
    fn today(&self) -> SystemTime {
        self.date + self.now()
    }

    /// RFC 5922: the opener judges what the server has shown.
    pub(super) fn shown(&mut self, number: u64) {
        let Some(stream) = self.streams.get(number).filter(|stream| stream.phase == Phase::Shaking) else {
            return;
        };
        let Some(proof) = stream.proof.clone() else { return self.show_client(number) };
        let certificates = self.certificates.get(&stream.to).cloned().unwrap_or_default();
        if proof.by_library && !self.is_proven(&certificates, &proof.name) {
            return self.not_accepted(number);
        }
        let opener = stream.end(Side::Opener).map(|end| (end.party, end.id));
        match opener.filter(|(party, _)| proof.by_callback && self.is_element(*party)) {
            Some((party, connection)) => {
                self.node(party).put(ScriptWork::TlsHandshake { connection, certificates });
            }
            None => self.show_client(number),
        }
    }

    fn is_proven(&self, certificates: &[Bytes], name: &ServerName) -> bool {
        let Some(judge) = self.judge.as_ref() else { return false };
        let verdict = judge(certificates, name, self.today());
        verdict
            .inspect_err(|why| tracing::info!(target: "oversip::transport", "a server is not trusted: {why}"))
            .is_ok()
    }

    /// A script has judged what a peer has shown.
    pub(super) fn judged(&mut self, id: ElementId, connection: ConnectionId, accepted: bool) {
        let Some(end) = self.streams.by_id(id.0, connection) else { return };
        if self.streams.get(end.stream).is_none_or(|stream| stream.phase != Phase::Shaking) {
            return;
        }
        match (accepted, end.side) {
            (false, _) => self.not_accepted(end.stream),
            (true, Side::Opener) => self.show_client(end.stream),
            (true, Side::Acceptor) => self.shaken(end.stream),
        }
    }

    fn not_accepted(&mut self, number: u64) {
        self.settle(number, ConnectionOutcome::NotAccepted);
        self.not_opened(number, ConnectionEnd::NotAccepted);
    }

    /// The server has been accepted. The script of the element that it is judges the client, where that is wanted.
    fn show_client(&mut self, number: u64) {
        let acceptor = EndId { stream: number, side: Side::Acceptor };
        let Some((party, connection)) = self.streams.end(acceptor).map(|end| (end.party, end.id)) else {
            return self.shaken(number);
        };
        let Some(stream) = self.streams.get(number) else { return };
        let (transport, certificates) = (stream.transport, stream.shows.clone());
        let judgement = match self.is_element(party) {
            true if transport.websocket() => self.node(party).websocket_clients,
            true => self.node(party).clients,
            false => ClientJudgement::None,
        };
        let certificates = match judgement {
            ClientJudgement::None => return self.shaken(number),
            ClientJudgement::WithCertificates => certificates,
            ClientJudgement::WithoutCertificates => Vec::new(),
        };
        self.node(party).put(ScriptWork::TlsHandshake { connection, certificates });
    }

    /// A connection is as it is to be, but for the WebSocket that its opener asks for.
    pub(super) fn shaken(&mut self, number: u64) {
        let acceptor = EndId { stream: number, side: Side::Acceptor };
        let acceptor = self.streams.end(acceptor).map(|end| (end.party, end.id));
        let Some(stream) = self.streams.get_mut(number) else { return };
        match (stream.upgrade.take(), acceptor) {
            (Some(head), Some((party, connection))) if self.is_element(party) => {
                if let Some(stream) = self.streams.get_mut(number) {
                    stream.phase = Phase::Upgrading;
                }
                self.node(party).put(ScriptWork::Upgrade { connection, head });
            }
            _ => self.up(number),
        }
    }
}
