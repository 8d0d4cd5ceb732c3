//! Looks at each message that is sent, and notes what no party may do.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::time::Duration;

use oversip::message::{Message, Method};
use oversip::simulation::{Entry, Fate};

/// In which time a CANCEL reaches a callee where nothing is lost.
const SOON: Duration = Duration::from_millis(200);

type Text = Vec<u8>;
/// From, to, branch and method of a request.
type Transaction = (IpAddr, IpAddr, Text, Text);

#[derive(Debug, Default)]
pub struct Watch {
    relay: Option<IpAddr>,
    /// Those of which a copy has arrived, or will.
    requests: BTreeSet<Transaction>,
    /// The final responses to each, by status and To tag, with a digest of their bytes.
    finals: BTreeMap<Transaction, BTreeMap<(u16, Text), u64>>,
    /// Which callee has chosen a To tag.
    tags: BTreeMap<Text, IpAddr>,
    /// When a call was accepted first, and by which To tag.
    accepted: BTreeMap<Text, (Duration, Text)>,
    /// Nothing is lost: what one party sends the other has soon.
    lossless: bool,
    /// A request is answered anew when it is sent again over another connection: its transaction has ended with the first answer.
    datagrams: bool,
    pub wrongs: BTreeSet<String>,
}

impl Watch {
    /// For parties that all send to a relay, which sends to them.
    pub fn around(relay: IpAddr, lossless: bool, datagrams: bool) -> Watch {
        Watch { relay: Some(relay), lossless, datagrams, ..Watch::default() }
    }

    pub fn see(&mut self, entry: &Entry) {
        let Some(message) = entry.message() else {
            return self.wrong(entry, "is no message");
        };
        // By hosts: a connection has a port of its own.
        let (from, to) = (entry.from.ip(), entry.to.ip());
        if ![from, to].contains(&self.relay.unwrap_or(to)) {
            self.wrong(entry, "passes the relay by");
        }
        let branch = message.branch_id().unwrap_or_default().to_vec();
        let method = message.cseq_method().map(|method| method.as_bytes().to_vec()).unwrap_or_default();
        match message.status() {
            None => self.request(entry, &message, (from, to, branch, method)),
            Some(status) => self.response(entry, &message, status, (to, from, branch, method)),
        }
    }

    fn request(&mut self, entry: &Entry, message: &Message, transaction: Transaction) {
        let owner = message.to_tag().and_then(|tag| self.tags.get(tag)).copied();
        let from_relay = Some(entry.from.ip()) == self.relay;
        if from_relay && message.method() == Some(&Method::Ack) && owner != Some(entry.to.ip()) {
            self.wrong(entry, "goes to another callee than the one that answered");
        }
        if entry.fate != Fate::Lost {
            self.requests.insert(transaction);
        }
    }

    fn response(&mut self, entry: &Entry, message: &Message, status: u16, transaction: Transaction) {
        if !self.requests.contains(&transaction) {
            return self.wrong(entry, "answers no request that has arrived");
        }
        let tag = message.to_tag().unwrap_or_default().to_vec();
        if Some(entry.from.ip()) != self.relay && status > 100 {
            self.tags.entry(tag.clone()).or_insert(entry.from.ip());
        }
        if (200..300).contains(&status) && transaction.3 == b"INVITE" {
            let call = message.call_id().unwrap_or_default().to_vec();
            let (at, first) = self.accepted.entry(call).or_insert_with(|| (entry.at, tag.clone()));
            if self.lossless && *first != tag && entry.at > *at + SOON {
                self.wrong(entry, "accepts what another callee has accepted long ago");
            }
        }
        // A CANCEL is answered as the state of its INVITE is: 200, and 481 for one that is repeated when that is over.
        if transaction.3 == b"CANCEL" {
            return;
        }
        let finals = self.finals.entry(transaction).or_default();
        if status < 200 {
            // Those whose connection is gone go by others, and may overtake each other there.
            if self.datagrams && !finals.is_empty() {
                self.wrong(entry, "comes after the final response");
            }
            return;
        }
        let bytes = digest(&entry.wire);
        let first = *finals.entry((status, tag)).or_insert(bytes);
        if self.datagrams && first != bytes {
            return self.wrong(entry, "repeats a final response with other bytes");
        }
        let refusals = finals.keys().filter(|(status, _)| *status >= 300).count();
        if refusals > 1 || (refusals == 1 && finals.len() > 1) {
            self.wrong(entry, "is a second final response");
        }
    }

    fn wrong(&mut self, entry: &Entry, why: &str) {
        if self.wrongs.len() < 20 {
            self.wrongs.insert(format!("{entry} {why}"));
        }
    }
}

fn digest(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}
