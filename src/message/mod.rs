//! Bytes to messages and back: parser, headers, URIs, Via, framing, serialiser.
//!
//! All text is bytes; nothing is taken for UTF-8. A received [`Message`] is its head's bytes and offsets into them.
//! What is sent is a [`RequestSnapshot`] or a [`ResponseSnapshot`], or made from a message by [`reply`],
//! [`ack_for`] or [`cancel_for`].

mod admit;
mod arrival;
mod check;
mod datagram;
mod derived;
mod escape;
mod framing;
mod haproxy;
mod header_name;
mod header_syntax;
mod headers;
mod host;
mod lex;
mod maddr;
mod method;
mod name_addr;
mod neutral;
mod outgoing;
mod params;
mod parse;
mod parsed;
mod parser;
mod reason;
mod received;
mod refusable;
mod source;
mod split;
mod stamp;
mod status_change;
mod strict;
mod stun;
mod transport;
mod uri;
mod uri_syntax;
mod via;
mod websocket;

pub use admit::{admit, Admission};
pub use arrival::{Arrival, Arrivals};
pub use check::{Defect, REASON_BODY_SIZE, REASON_BRANCH, REASON_CSEQ};
pub use datagram::{datagram, Datagram};
pub use derived::{ack_for, cancel_for, needs_to_tag, passed_on, reply};
pub use escape::{escape_user, unescape};
pub use framing::{Frame, StreamFramer, StreamLimits};
pub use haproxy::{parse_haproxy, proxied_client};
pub use header_name::{headerize, HeaderName};
pub use headers::{split_line, HeaderField, Headers};
pub use host::{
    compare_ips, compare_pure_ips, ip_type, normalize_ipv6, parse_ip, parse_udp_flow, to_pure_ip, HostType,
    IpType,
};
pub use lex::is_token;
pub use method::Method;
pub use name_addr::NameAddrRef;
pub use neutral::{put_neutral, Folds};
pub use outgoing::{RequestSnapshot, ResponseSnapshot};
pub use params::HeaderParams;
pub use parse::ParseError;
pub use parser::{ParseProgress, Parser, Started, SyntaxError};
pub use reason::{reason_phrase, REASON_PHRASES, REASON_PHRASE_NOT_SET};
pub use received::Message;
pub use source::{ConnectionId, Source};
pub use split::CommaList;
pub use status_change::{check_status_change, StatusChangeError};
pub use stun::{stun, Stun};
pub use transport::Transport;
pub use uri::{is_sips, Scheme, TransportParam, UriParams, UriRef};
pub(crate) use via::MAGIC_COOKIE;
pub use via::{BranchForm, TopVia};
pub use websocket::{websocket_message, WebSocketMessage};
