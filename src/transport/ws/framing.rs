//! A WebSocket connection as the task of a connection sees it: first the upgrade request, then frames with SIP in them.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::frames::{FrameLimits, FrameReader, Received, Violation};
use super::http::{HeadProgress, HeadReader, HttpRequest};
use super::sending::{close_frame, data_frame, pong_frame};
use crate::message::{websocket_message, Defect, WebSocketMessage};
use crate::transport::close_reason::CloseReason;
use crate::transport::framing::{Framing, Unit};

/// From the first byte of the upgrade request to the end of its head.
const HEAD_TIME: Duration = Duration::from_secs(10);

pub(crate) struct WsFraming {
    stage: Stage,
    limits: FrameLimits,
    /// What a message holds behind a keepalive.
    next: Option<WebSocketMessage>,
}

enum Stage {
    Head {
        reader: HeadReader,
        started: Option<Instant>,
        /// What the bytes so far came to.
        progress: HeadProgress,
    },
    /// From the end of the head on. Whoever takes the units waits for the verdict before it takes any from here.
    Frames(FrameReader),
    Ended,
}

impl WsFraming {
    pub(crate) fn new(limits: FrameLimits) -> WsFraming {
        let stage =
            Stage::Head { reader: HeadReader::new(), started: None, progress: HeadProgress::Incomplete };
        WsFraming { stage, limits, next: None }
    }

    fn next_head(&mut self) -> Option<Unit> {
        let Stage::Head { progress, .. } = &mut self.stage else { return None };
        let request = match std::mem::replace(progress, HeadProgress::Incomplete) {
            HeadProgress::Incomplete => return None,
            HeadProgress::Complete(request) => request,
            HeadProgress::Malformed => return Some(self.end(CloseReason::HttpSyntax)),
            HeadProgress::TooLarge => return Some(self.end(CloseReason::Protocol(Defect::HeadTooLarge))),
        };
        Some(self.upgrade(request))
    }

    fn upgrade(&mut self, request: Box<HttpRequest>) -> Unit {
        let mut frames = FrameReader::new(self.limits);
        if let Stage::Head { reader, .. } = std::mem::replace(&mut self.stage, Stage::Ended) {
            frames.push(&reader.into_rest());
        }
        self.stage = Stage::Frames(frames);
        Unit::Upgrade(request)
    }

    fn next_frame(&mut self) -> Option<Unit> {
        loop {
            let message = match self.next.take() {
                Some(message) => message,
                None => {
                    let Stage::Frames(frames) = &mut self.stage else { return None };
                    match frames.next()? {
                        Received::Message(data) => websocket_message(data),
                        Received::Ping(payload) => return Some(Unit::Answer(pong_frame(&payload))),
                        Received::Close { status, reason } => return Some(self.closed(status, reason)),
                        Received::Violation(violation) => return Some(self.violated(violation, None)),
                    }
                }
            };
            if let Some(unit) = self.sip(message) {
                return Some(unit);
            }
        }
    }

    /// RFC 7118 section 5; RFC 5626 section 4.4.1
    fn sip(&mut self, message: WebSocketMessage) -> Option<Unit> {
        match message {
            WebSocketMessage::Message(message) => Some(Unit::Message(message)),
            WebSocketMessage::Keepalive { then } => {
                self.next = then.map(|then| *then);
                Some(Unit::Answer(data_frame(b"\r\n")))
            }
            WebSocketMessage::Nothing => None,
            WebSocketMessage::Refused { request, status, reason, defect } => {
                Some(Unit::Refused { request, status, reason, close: false, defect })
            }
            WebSocketMessage::Ignored(defect) => Some(Unit::Ignored(defect)),
            WebSocketMessage::Close { status, reason, defect } => {
                Some(self.violated(Violation::new(status, reason), Some(defect)))
            }
        }
    }

    /// RFC 6455 section 5.5.1: the status comes back.
    fn closed(&mut self, status: Option<u16>, reason: String) -> Unit {
        self.stage = Stage::Ended;
        let farewell = close_frame(status, "");
        Unit::End { farewell, reason: CloseReason::CloseFrame { status, reason }, defect: None }
    }

    fn violated(&mut self, violation: Violation, defect: Option<Defect>) -> Unit {
        self.stage = Stage::Ended;
        let farewell = close_frame(Some(violation.code), &violation.reason);
        Unit::End { farewell, reason: CloseReason::WebSocket(violation), defect }
    }

    fn end(&mut self, reason: CloseReason) -> Unit {
        self.stage = Stage::Ended;
        Unit::End { farewell: Bytes::new(), reason, defect: None }
    }
}

impl Framing for WsFraming {
    fn push(&mut self, now: Instant, bytes: &[u8]) {
        match &mut self.stage {
            Stage::Head { reader, started, progress } if !bytes.is_empty() => {
                started.get_or_insert(now);
                *progress = reader.read(bytes);
            }
            Stage::Frames(frames) => frames.push(bytes),
            Stage::Head { .. } | Stage::Ended => {}
        }
    }

    fn next(&mut self) -> Option<Unit> {
        match self.stage {
            Stage::Head { .. } => self.next_head(),
            Stage::Frames(_) => self.next_frame(),
            Stage::Ended => None,
        }
    }

    fn deadline(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Head { started, .. } => started.map(|at| at + HEAD_TIME),
            Stage::Frames(_) | Stage::Ended => None,
        }
    }
}
