//! How many messages have come and left. One number is raised for each.

use std::sync::atomic::{AtomicU64, Ordering};

use super::families::{Families, Family};
use crate::message::{Method, Transport};
use crate::observed::{Direction, Fate, ObservedMessage};

/// The method of a message whose own one is not on the list: peers make up as many as they like.
const OTHER: &str = "other";

const TRANSPORTS: usize = Transport::ALL.len();
const METHODS: usize = Method::NAMES.len() + 1;

/// Requests, and the six classes of responses.
const KINDS: usize = 7;

/// By transport, method and kind.
#[derive(Debug, Default)]
struct Table([[[AtomicU64; KINDS]; METHODS]; TRANSPORTS]);

/// The messages of an engine.
#[derive(Debug, Default)]
pub(super) struct Messages {
    come: Table,
    left: Table,
    /// By transport.
    refused: [AtomicU64; TRANSPORTS],
}

impl Messages {
    pub(super) fn note(&self, message: &ObservedMessage<'_>) {
        if message.fate == Fate::Refused {
            self.refused[message.transport as usize].fetch_add(1, Ordering::Relaxed);
            return;
        }
        let table = match message.direction {
            Direction::In => &self.come,
            Direction::Out => &self.left,
        };
        table.cell(message).fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self, families: &mut Families) {
        families.counters("oversip_requests_received_total", "Requests that have come.", |family| {
            self.come.read_requests(family);
        });
        families.counters(
            "oversip_requests_sent_total",
            "Requests handed to the system or to a connection, repeated ones too.",
            |family| {
                self.left.read_requests(family);
            },
        );
        families.counters("oversip_responses_received_total", "Responses that have come.", |family| {
            self.come.read_responses(family);
        });
        families.counters(
            "oversip_responses_sent_total",
            "Responses handed to the system or to a connection, repeated ones too; one that is sent once more since its connection has broken counts once.",
            |family| {
                self.left.read_responses(family);
            },
        );
        families.counters(
            "oversip_messages_unsent_total",
            "Messages that the system or a connection has refused.",
            |family| {
                for transport in Transport::ALL {
                    let count = self.refused[transport as usize].load(Ordering::Relaxed);
                    family.add(&[("transport", transport.as_str())], count as f64);
                }
            },
        );
    }
}

impl Table {
    fn cell(&self, message: &ObservedMessage<'_>) -> &AtomicU64 {
        let method = Method::NAMES.iter().position(|name| name.as_bytes() == message.method);
        let kind = message.status.map_or(0, |status| usize::from(status / 100).min(KINDS - 1));
        &self.0[message.transport as usize][method.unwrap_or(METHODS - 1)][kind]
    }

    fn cells(&self) -> impl Iterator<Item = (&'static str, &'static str, &[AtomicU64; KINDS])> {
        Transport::ALL.into_iter().flat_map(move |transport| {
            let names = Method::NAMES.iter().copied().chain([OTHER]);
            names.zip(&self.0[transport as usize]).map(move |(name, kinds)| (transport.as_str(), name, kinds))
        })
    }

    fn read_requests(&self, family: &mut Family) {
        for (transport, method, kinds) in self.cells() {
            let labels = [("method", method), ("transport", transport)];
            family.add_unless_zero(&labels, kinds[0].load(Ordering::Relaxed));
        }
    }

    fn read_responses(&self, family: &mut Family) {
        for (transport, method, kinds) in self.cells() {
            for (class, count) in CLASSES.iter().zip(&kinds[1..]) {
                let labels = [("class", *class), ("method", method), ("transport", transport)];
                family.add_unless_zero(&labels, count.load(Ordering::Relaxed));
            }
        }
    }
}

/// The classes of responses.
pub(super) const CLASSES: [&str; KINDS - 1] = ["1xx", "2xx", "3xx", "4xx", "5xx", "6xx"];

/// The class of a status, which is 100 to 699.
pub(super) fn class(status: u16) -> &'static str {
    CLASSES[usize::from(status / 100).clamp(1, KINDS - 1) - 1]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn message(method: &'static [u8], status: Option<u16>, transport: Transport) -> ObservedMessage<'static> {
        ObservedMessage {
            at: Instant::now(),
            direction: Direction::In,
            transport,
            local: None,
            remote: ([192, 0, 2, 1], 5060).into(),
            connection: None,
            fate: Fate::Sent,
            method,
            status,
            call_id: None,
            head: b"",
            body: b"",
        }
    }

    fn text(messages: &Messages) -> String {
        let mut families = Families::default();
        messages.read(&mut families);
        String::from_utf8(families.text()).expect("UTF-8")
    }

    #[test]
    fn each_message_counts_under_its_method_class_and_transport() {
        let messages = Messages::default();
        messages.note(&message(b"INVITE", None, Transport::Udp));
        messages.note(&message(b"INVITE", None, Transport::Udp));
        messages.note(&message(b"INVITE", Some(486), Transport::Wss));
        messages.note(&ObservedMessage {
            direction: Direction::Out,
            ..message(b"BYE", Some(200), Transport::Tcp)
        });
        let text = text(&messages);
        for line in [
            "oversip_requests_received_total{method=\"INVITE\",transport=\"udp\"} 2\n",
            "oversip_responses_received_total{class=\"4xx\",method=\"INVITE\",transport=\"wss\"} 1\n",
            "oversip_responses_sent_total{class=\"2xx\",method=\"BYE\",transport=\"tcp\"} 1\n",
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
    }

    #[test]
    fn no_peer_can_make_a_label() {
        let messages = Messages::default();
        messages.note(&message(b"X\"}\n", None, Transport::Udp));
        messages.note(&message(b"", Some(999), Transport::Udp));
        messages.note(&message(b"MADE-UP", Some(65_535), Transport::Udp));
        let text = text(&messages);
        assert!(text.contains("oversip_requests_received_total{method=\"other\",transport=\"udp\"} 1\n"));
        assert!(text.contains(
            "oversip_responses_received_total{class=\"6xx\",method=\"other\",transport=\"udp\"} 2\n"
        ));
    }

    #[test]
    fn what_has_not_left_counts_by_itself() {
        let messages = Messages::default();
        let refused = message(b"INVITE", None, Transport::Tls);
        messages.note(&ObservedMessage { direction: Direction::Out, fate: Fate::Refused, ..refused });
        let text = text(&messages);
        assert!(text.contains("oversip_messages_unsent_total{transport=\"tls\"} 1\n"), "{text}");
        assert!(!text.contains("requests_sent"));
    }
}
