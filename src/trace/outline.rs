//! What is known of a call at a glance, for a list of calls: who asked whom for what, how that ended, and whether it goes on.

use std::net::SocketAddr;
use std::time::Duration;

use super::entry::{Of, What};
use super::log::Log;
use crate::message::{reason_phrase, Message, Method, NameAddrRef, UriRef, REASON_PHRASE_NOT_SET};
use crate::observed::{Direction, Fate};
use bytes::Bytes;

/// How the request of a call has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestOutcome {
    /// Not yet.
    Pending,
    /// With a 2xx.
    Success,
    /// With a 3xx.
    Redirection,
    /// By the CANCEL of its sender.
    Cancelled,
    /// In another way.
    Failure,
    /// Without a final response: the script has made nothing of it, or has ended its transaction.
    Unanswered,
}

impl RequestOutcome {
    /// That of a request with this final response.
    fn of(status: Option<u16>, cancelled: bool) -> RequestOutcome {
        match status {
            None | Some(0..=199) => RequestOutcome::Pending,
            Some(200..=299) => RequestOutcome::Success,
            Some(300..=399) => RequestOutcome::Redirection,
            Some(487) if cancelled => RequestOutcome::Cancelled,
            Some(_) => RequestOutcome::Failure,
        }
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            RequestOutcome::Pending => "pending",
            RequestOutcome::Success => "success",
            RequestOutcome::Redirection => "redirection",
            RequestOutcome::Cancelled => "cancelled",
            RequestOutcome::Failure => "failure",
            RequestOutcome::Unanswered => "none",
        }
    }
}

/// A call at a glance. Texts are those of peers, without passwords; where a message cannot be read they are empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// When its first entry was made, since the ring has begun.
    pub began: Duration,
    /// When its newest one was that is no timer.
    pub ended: Duration,
    /// The method of its request.
    pub method: Vec<u8>,
    /// The URI of From.
    pub from: Vec<u8>,
    /// The URI of To.
    pub to: Vec<u8>,
    /// Of the final response that the sender of the request got.
    pub status: Option<u16>,
    /// How its request has ended.
    pub outcome: RequestOutcome,
    /// Whether it goes on as far as can be seen here: there is no final response yet, or an INVITE was accepted, its ACK came by here, and
    /// nobody has sent BYE.
    pub goes_on: bool,
    /// How long the sender of the request waited for a response above 100, or has waited so far.
    pub waited: Duration,
    /// How many messages it has.
    pub messages: usize,
}

/// A message of a call, as far as it can be read.
struct Sent {
    at: Duration,
    direction: Direction,
    remote: SocketAddr,
    message: Message,
}

impl Outline {
    /// That of a call of which this is kept.
    pub fn of(log: &Log) -> Outline {
        let mut outline = Outline {
            began: Duration::ZERO,
            ended: Duration::ZERO,
            method: Vec::new(),
            from: Vec::new(),
            to: Vec::new(),
            status: None,
            outcome: RequestOutcome::Pending,
            goes_on: false,
            waited: Duration::ZERO,
            messages: 0,
        };
        let (mut sent, mut unanswered) = (Vec::new(), Vec::new());
        for (index, entry) in log.since(0).enumerate() {
            if index == 0 {
                outline.began = entry.at;
            }
            // What follows from a timer counts, not that it fires.
            if !matches!(entry.what, What::Timer(..)) {
                outline.ended = outline.ended.max(entry.at);
            }
            match entry.what {
                What::Message { direction, remote, fate, wire, .. } => {
                    outline.messages += 1;
                    let parsed = Message::parse(Bytes::copy_from_slice(wire)).ok();
                    if let Some((message, _)) = parsed.filter(|_| fate == Fate::Sent) {
                        sent.push(Sent { at: entry.at, direction, remote, message });
                    }
                }
                What::Unanswered(of) => unanswered.push((entry.at, of)),
                _ => {}
            }
        }
        match sent.iter().position(|sent| sent.message.is_request()) {
            Some(first) => outline.tell(&sent[first..], &unanswered),
            None => outline.tell_of_response(sent.last()),
        }
        outline
    }

    /// The usual phrase of the status, empty where there is none: the phrase of a peer may have a password in it.
    pub fn reason(&self) -> &'static str {
        let phrase = self.status.map_or("", reason_phrase);
        if phrase == REASON_PHRASE_NOT_SET {
            ""
        } else {
            phrase
        }
    }

    /// What the answer to a request says that cannot be read.
    fn tell_of_response(&mut self, sent: Option<&Sent>) {
        let Some(Sent { message, .. }) = sent else { return };
        self.method = message.method().map(|method| method.as_bytes().to_vec()).unwrap_or_default();
        (self.from, self.to) = (uri(message.from()), uri(message.to()));
        self.status = message.status();
        self.outcome = RequestOutcome::of(self.status, false);
    }

    /// What its messages say, of which the first one is a request, and the ends of requests without a final response.
    fn tell(&mut self, sent: &[Sent], unanswered: &[(Duration, Of<&[u8]>)]) {
        let first = &sent[0];
        self.method = first.message.method().map(|method| method.as_bytes().to_vec()).unwrap_or_default();
        self.from = uri(first.message.from());
        self.to = uri(first.message.to());
        let answers = || sent.iter().filter(|sent| answers(first, sent));
        let finals = || answers().filter(|sent| sent.message.status() >= Some(200));
        let success = finals().find(|sent| is_invite(first) && sent.message.is_success());
        let last = success.or_else(|| finals().last());
        if let Some(last) = last {
            self.status = last.message.status();
        }
        let cancelled = || sent.iter().any(|sent| is_of(first, sent) && method(sent, &Method::Cancel));
        self.outcome = match RequestOutcome::of(self.status, cancelled()) {
            RequestOutcome::Pending if is_unanswered(sent, unanswered) => RequestOutcome::Unanswered,
            outcome => outcome,
        };
        // A dialog whose ACK does not come by here ends without our knowledge too.
        let acknowledged = || sent.iter().any(|sent| method(sent, &Method::Ack));
        let hung_up = || sent.iter().any(|sent| method(sent, &Method::Bye));
        self.goes_on = match self.outcome {
            RequestOutcome::Pending => !method(first, &Method::Ack),
            RequestOutcome::Success => is_invite(first) && acknowledged() && !hung_up(),
            _ => false,
        };
        let heard = answers().next().map_or(self.ended, |answer| answer.at);
        self.waited = heard.saturating_sub(first.at);
    }
}

fn method(sent: &Sent, wanted: &Method) -> bool {
    sent.message.is_request() && sent.message.method() == Some(wanted)
}

fn is_invite(sent: &Sent) -> bool {
    method(sent, &Method::Invite)
}

/// Whether the newest request like the first one, from its sender, is over without a final response.
fn is_unanswered(sent: &[Sent], unanswered: &[(Duration, Of<&[u8]>)]) -> bool {
    let first = &sent[0];
    let like_first = |sent: &&Sent| {
        is_of(first, sent) && sent.message.is_request() && sent.message.method() == first.message.method()
    };
    let newest = sent.iter().rfind(like_first).filter(|sent| sent.direction == Direction::In);
    let Some(newest) = newest else { return false };
    let via = newest.message.top_via();
    let branch = via.as_ref().and_then(|via| via.branch()).unwrap_or_default();
    unanswered.iter().any(|(at, of)| {
        // Where the branch is not unique it is not kept.
        let is_same = of.branch.is_empty() || of.branch.eq_ignore_ascii_case(branch);
        *at >= newest.at
            && is_same
            && newest.message.method().is_some_and(|method| method.as_bytes() == of.method)
    })
}

/// Whether two messages come from one sender.
fn is_of(first: &Sent, sent: &Sent) -> bool {
    (first.direction, first.remote) == (sent.direction, sent.remote)
}

/// Whether this is what the sender of the first request got for it: a response above 100. After a challenge a later CSeq counts too.
fn answers(first: &Sent, sent: &Sent) -> bool {
    sent.message.status() > Some(100)
        && sent.direction != first.direction
        && sent.remote == first.remote
        && sent.message.cseq_method() == first.message.method()
}

/// A URI without its password (RFC 3261 19.1.1) and without what stands behind the host and port.
fn uri(address: Option<NameAddrRef<'_>>) -> Vec<u8> {
    let Some(uri) = address.map(|address| address.uri()) else { return Vec::new() };
    without_password(uri)
}

fn without_password(uri: UriRef<'_>) -> Vec<u8> {
    if let Some(number) = uri.number() {
        return [b"tel:", number.as_slice()].concat();
    }
    let Some(host) = uri.host() else { return Vec::new() };
    let mut text = if uri.is_sip() { b"sip:".to_vec() } else { Vec::new() };
    if let Some(user) = uri.user().and_then(|user| user.split(|byte| *byte == b':').next()) {
        text.extend_from_slice(user);
        text.push(b'@');
    }
    text.extend_from_slice(host);
    if let Some(port) = uri.port() {
        text.extend_from_slice(format!(":{port}").as_bytes());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Transport;

    const ALICE: u16 = 1;
    const BOB: u16 = 2;

    /// A call of messages: when in milliseconds, which way, with whom, the first line, the CSeq, the To.
    struct Call(Log);

    impl Call {
        fn new() -> Call {
            Call(Log::default())
        }

        fn with(self, at: u64, direction: Direction, peer: u16, first: &str, cseq: &str) -> Call {
            let wire = format!(
                "{first}\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: \"A\" <sip:alice:secret@a.example:5080;x=y>;tag=1\r\n\
                 To: <tel:+1-23>\r\nCall-ID: c\r\nCSeq: {cseq}\r\n\r\n"
            );
            let remote = SocketAddr::from(([192, 0, 2, 1], peer));
            let what = What::Message {
                direction,
                transport: Transport::Udp,
                local: None,
                remote,
                connection: None,
                fate: Fate::Sent,
                wire: [wire.as_bytes(), b""],
            };
            self.add(at, &what)
        }

        fn add(mut self, at: u64, what: &What<[&[u8]; 2]>) -> Call {
            self.0.add(self.0.last() + 1, Duration::from_millis(at), what, 1 << 20);
            self
        }

        /// The request with this branch is over without a final response.
        fn ends(self, at: u64, branch: &str) -> Call {
            let of = Of { method: [&b"INVITE"[..], b""], branch: [branch.as_bytes(), b""] };
            self.add(at, &What::Unanswered(of))
        }

        fn comes(self, at: u64, peer: u16, first: &str, cseq: &str) -> Call {
            self.with(at, Direction::In, peer, first, cseq)
        }

        fn leaves(self, at: u64, peer: u16, first: &str, cseq: &str) -> Call {
            self.with(at, Direction::Out, peer, first, cseq)
        }

        /// An INVITE that was relayed and rings.
        fn ringing() -> Call {
            Call::new()
                .comes(1000, ALICE, "INVITE sip:b SIP/2.0", "1 INVITE")
                .leaves(1001, ALICE, "SIP/2.0 100 Trying", "1 INVITE")
                .leaves(1002, BOB, "INVITE sip:b SIP/2.0", "1 INVITE")
                .comes(1100, BOB, "SIP/2.0 180 Ringing", "1 INVITE")
                .leaves(1101, ALICE, "SIP/2.0 180 Ringing", "1 INVITE")
        }

        fn outline(&self) -> Outline {
            Outline::of(&self.0)
        }

        /// Status, outcome, and whether it goes on.
        fn end(&self) -> (Option<u16>, RequestOutcome, bool) {
            let outline = self.outline();
            (outline.status, outline.outcome, outline.goes_on)
        }
    }

    #[test]
    fn a_call_that_rings_says_who_asked_whom_and_how_long_that_took() {
        let expected = Outline {
            began: Duration::from_millis(1000),
            ended: Duration::from_millis(1101),
            method: b"INVITE".to_vec(),
            from: b"sip:alice@a.example:5080".to_vec(),
            to: b"tel:+123".to_vec(),
            status: None,
            outcome: RequestOutcome::Pending,
            goes_on: true,
            waited: Duration::from_millis(101),
            messages: 5,
        };
        assert_eq!(Call::ringing().outline(), expected);
    }

    #[test]
    fn a_call_that_is_accepted_and_acknowledged_by_way_of_here_goes_on_until_somebody_hangs_up() {
        let call = Call::ringing().comes(2000, BOB, "SIP/2.0 200 OK", "1 INVITE").leaves(
            2001,
            ALICE,
            "SIP/2.0 200 Fine",
            "1 INVITE",
        );
        assert_eq!(
            (call.end(), call.outline().reason()),
            ((Some(200), RequestOutcome::Success, false), "OK")
        );
        let call = call.comes(2002, ALICE, "ACK sip:b SIP/2.0", "1 ACK");
        assert_eq!(call.end(), (Some(200), RequestOutcome::Success, true));
        let call = call.comes(9000, ALICE, "BYE sip:b SIP/2.0", "2 BYE");
        assert_eq!(call.end(), (Some(200), RequestOutcome::Success, false));
        let call = call.leaves(9001, ALICE, "SIP/2.0 481 Gone", "2 BYE");
        assert_eq!(call.end(), (Some(200), RequestOutcome::Success, false));
    }

    #[test]
    fn what_the_caller_gets_counts_not_what_its_targets_answer() {
        let call = Call::ringing().comes(2000, BOB, "SIP/2.0 486 Busy", "1 INVITE");
        assert_eq!(call.end(), (None, RequestOutcome::Pending, true));
        let call = call.leaves(2001, ALICE, "SIP/2.0 302 Moved", "1 INVITE");
        assert_eq!(call.end(), (Some(302), RequestOutcome::Redirection, false));
    }

    #[test]
    fn the_reason_phrase_of_a_peer_is_not_shown() {
        let reason = |first: &str| Call::ringing().leaves(2000, ALICE, first, "1 INVITE").outline().reason();
        let reasons = ["SIP/2.0 404 sip:bob:pw@b", "SIP/2.0 403 passphrase=x", "SIP/2.0 466 api_key=y"];
        assert_eq!(reasons.map(reason), ["Not Found", "Forbidden", ""]);
        assert_eq!(Call::ringing().outline().reason(), "");
    }

    #[test]
    fn a_challenge_is_followed_by_the_request_with_its_answer() {
        let call = Call::new().comes(0, ALICE, "REGISTER sip:b SIP/2.0", "1 REGISTER").leaves(
            1,
            ALICE,
            "SIP/2.0 401 No",
            "1 REGISTER",
        );
        assert_eq!(call.end(), (Some(401), RequestOutcome::Failure, false));
        let call = call.comes(2, ALICE, "REGISTER sip:b SIP/2.0", "2 REGISTER").leaves(
            3,
            ALICE,
            "SIP/2.0 200 OK",
            "2 REGISTER",
        );
        assert_eq!(call.end(), (Some(200), RequestOutcome::Success, false));
    }

    #[test]
    fn a_487_is_a_cancellation_only_if_the_caller_has_cancelled() {
        let gone = |call: Call| call.leaves(3000, ALICE, "SIP/2.0 487 Gone", "1 INVITE").end();
        assert_eq!(gone(Call::ringing()), (Some(487), RequestOutcome::Failure, false));
        let by_us = Call::ringing().leaves(2000, BOB, "CANCEL sip:b SIP/2.0", "1 CANCEL");
        assert_eq!(gone(by_us), (Some(487), RequestOutcome::Failure, false));
        let by_caller = Call::ringing().comes(2000, ALICE, "CANCEL sip:b SIP/2.0", "1 CANCEL");
        assert_eq!(gone(by_caller), (Some(487), RequestOutcome::Cancelled, false));
    }

    #[test]
    fn a_request_that_is_over_without_an_answer_has_ended_until_it_is_sent_again() {
        let call = Call::new().comes(0, ALICE, "INVITE sip:b SIP/2.0", "1 INVITE");
        let call = call.ends(1, "z9hg4bk1");
        assert_eq!(call.end(), (None, RequestOutcome::Unanswered, false));
        let call = call.comes(500, ALICE, "INVITE sip:b SIP/2.0", "1 INVITE");
        assert_eq!(call.end(), (None, RequestOutcome::Pending, true));
        // One from before RFC 3261 has no branch of its own.
        let call = call.ends(501, "");
        assert_eq!(call.end(), (None, RequestOutcome::Unanswered, false));
        let call = call.comes(1500, ALICE, "INVITE sip:b SIP/2.0", "1 INVITE").leaves(
            1501,
            ALICE,
            "SIP/2.0 200 OK",
            "1 INVITE",
        );
        assert_eq!(call.end(), (Some(200), RequestOutcome::Success, false));
    }

    #[test]
    fn the_end_of_another_request_is_not_that_of_the_first_one() {
        assert_eq!(Call::ringing().ends(1200, "z9hg4bk2").end(), (None, RequestOutcome::Pending, true));
        let own = Call::new().leaves(0, BOB, "INVITE sip:b SIP/2.0", "1 INVITE").ends(1, "z9hg4bk1");
        assert_eq!(own.end(), (None, RequestOutcome::Pending, true));
    }

    #[test]
    fn messages_that_cannot_be_read_say_nothing() {
        let call = Call::new().comes(5, ALICE, "\u{1}", "x");
        let outline = call.outline();
        assert_eq!(
            (outline.method.len(), outline.messages, call.end()),
            (0, 1, (None, RequestOutcome::Pending, false))
        );
        let call = call.leaves(6, ALICE, "SIP/2.0 400 Bad", "1 OPTIONS");
        assert_eq!(
            (call.outline().method, call.end()),
            (b"OPTIONS".to_vec(), (Some(400), RequestOutcome::Failure, false))
        );
        assert_eq!(Outline::of(&Log::default()).messages, 0);
    }
}
