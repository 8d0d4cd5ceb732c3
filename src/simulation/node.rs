//! An element of a world, with its script.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;

use super::script::Script;
use crate::element::{AnchorId, CallId, Element, Outcome, ReceivedRequest, Round, ScriptEvent, ScriptQueue};
use crate::message::ConnectionId;

/// Something for the script of an element.
#[derive(Debug)]
pub enum ScriptWork {
    /// A new request. [`Element::request_done`] is due.
    Request(Arc<ReceivedRequest>),
    /// A round of blocks. [`Element::round_done`] is due.
    Round(Box<Round>),
    /// A route has ended that the script waits for.
    CallEnded(CallId, Outcome),
    /// The request of a route that the script waits for went out again, with this CSeq number.
    CallRenumbered(CallId, u32),
    /// The script's objects of a route are needed no longer.
    Released(AnchorId),
    /// A timer of the script's fires.
    Timer(u64),
    /// The certificates of a peer are to be judged: [`World::judge_connection`](super::World::judge_connection) is due.
    TlsHandshake {
        /// The connection.
        connection: ConnectionId,
        /// What the peer shows (DER), its own certificate first.
        certificates: Vec<Bytes>,
    },
    /// A client asks for a WebSocket: [`World::answer_upgrade`](super::World::answer_upgrade) is due.
    Upgrade {
        /// The connection.
        connection: ConnectionId,
        /// The head of the HTTP request.
        head: Bytes,
    },
    /// A WebSocket is gone.
    WebSocketClosed {
        /// The connection.
        connection: ConnectionId,
        /// Whether the client has ended it.
        by_client: bool,
    },
}

impl From<ScriptEvent> for ScriptWork {
    fn from(event: ScriptEvent) -> ScriptWork {
        match event {
            ScriptEvent::Request(request) => ScriptWork::Request(request),
            ScriptEvent::Round(round) => ScriptWork::Round(round),
            ScriptEvent::Scheduled(key) => ScriptWork::Timer(key),
        }
    }
}

/// Whether a script judges the clients that connect by TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientJudgement {
    /// It does not.
    #[default]
    None,
    /// It does, by the certificates that they show.
    WithCertificates,
    /// It does, and they are asked for none.
    WithoutCertificates,
}

/// Who runs the script of an element.
pub(super) enum Runner {
    /// The world does.
    World(Box<dyn Script>),
    /// The world does, and is at it.
    AtWork,
    /// Whoever steps the world.
    Outside,
}

pub(super) struct Node {
    pub(super) element: Element,
    pub(super) runner: Runner,
    /// Nothing is taken from the queue.
    pub(super) held: bool,
    pub(super) queue: VecDeque<ScriptWork>,
    waiting: ScriptQueue,
    /// The addresses of its host, beside those that it listens at.
    pub(super) further_addresses: Vec<IpAddr>,
    /// Who judges clients that connect by TLS, and those of secure WebSockets.
    pub(super) clients: ClientJudgement,
    pub(super) websocket_clients: ClientJudgement,
    pub(super) heeds_keepalives: bool,
    pub(super) holds_responses: bool,
}

impl Node {
    pub(super) fn new(element: Element, runner: Runner) -> Node {
        let waiting = ScriptQueue::default();
        Node {
            element,
            runner,
            held: false,
            queue: VecDeque::new(),
            waiting,
            further_addresses: Vec::new(),
            clients: ClientJudgement::None,
            websocket_clients: ClientJudgement::None,
            heeds_keepalives: false,
            holds_responses: false,
        }
    }

    /// Another element takes the place of the present one, with nothing to do.
    pub(super) fn begin_anew(&mut self, element: Element) {
        self.element = element;
        self.queue = VecDeque::new();
        self.waiting = ScriptQueue::default();
    }

    /// Whether its script can take something.
    pub(super) fn is_ready(&self) -> bool {
        !self.held && !self.queue.is_empty() && matches!(self.runner, Runner::World(_))
    }

    pub(super) fn put(&mut self, work: ScriptWork) {
        self.count(&work, |counter, by| *counter += by);
        self.queue.push_back(work);
    }

    pub(super) fn take(&mut self) -> Option<ScriptWork> {
        let work = self.queue.pop_front()?;
        self.count(&work, |counter, by| *counter -= by);
        Some(work)
    }

    fn count(&mut self, work: &ScriptWork, change: fn(&mut usize, usize)) {
        let ScriptWork::Request(request) = work else { return };
        let bytes = request.message.footprint();
        let waiting = &mut self.waiting;
        if request.is_ack() {
            change(&mut waiting.acks, 1);
            change(&mut waiting.ack_bytes, bytes);
        } else {
            change(&mut waiting.requests, 1);
            change(&mut waiting.request_bytes, bytes);
        }
        self.element.set_script_queue(self.waiting);
    }
}
