//! What the client side decides: targets, failures, profiles and their stores, flow tokens, routing headers. All of it
//! is values: time and chance are handed in.

mod aliases;
mod blacklist;
mod destination;
mod dialog;
mod dialog_code;
pub mod digest;
mod early_dialog;
mod error_table;
mod flow_token;
mod hex;
mod hop_count;
mod incoming_response;
mod listener_names;
mod loose_route;
mod outbound;
mod own_contact;
mod own_dialogs;
mod probes;
mod profile;
mod recorded;
mod restore;
mod routing_headers;
mod sent_by;
pub mod session;
mod strict_route;
mod tags;

pub use crate::message::Transport;
pub use crate::resolve::{IpFamily, Target};

pub use aliases::{ListenerAliases, LocalAliases};
pub use blacklist::{Blacklist, BlacklistId, Entry, BLACKLIST_CAPACITY};
pub use destination::{Destination, NamedFlow};
pub use dialog::{request_within, DialogRequest};
pub use dialog_code::{DialogKey, DIALOG_CODE_LEN};
pub use early_dialog::is_told_of_its_end;
pub use error_table::{Failure, RouteError};
pub use flow_token::{is_udp_token, read_unsigned, FlowTokenKey, KeyTooShort, MIN_KEY_BYTES};
pub(crate) use hop_count::MAX_FORWARDS;
pub use hop_count::{hop_count, limited_hop_count, TOO_MANY_HOPS};
pub use incoming_response::IncomingResponse;
pub use listener_names::{connection_names, ListenerNames};
pub use loose_route::{local_uri, port_for, IncomingFlow, LooseRoute, LooseRouteOutcome, TokenFlow};
pub use outbound::{flow_may_be_forced, OutboundFacts};
pub use own_contact::{own_contact, readdressed};
pub(crate) use own_dialogs::OwnDialogs;
pub(crate) use probes::{ProbeAnswer, ProbeKey, ProbeWaiter, Probes, PROBE_WAIT};
pub use profile::{Profile, VerifyServer};
pub use recorded::{Recorded, RoutingHeader};
pub use restore::RestoreHeaders;
pub use routing_headers::{may_be_recorded, Added, IncomingSide, RoutingHeaders};
pub use sent_by::SentBy;
pub use strict_route::address_strict_router;
pub use tags::{random_hex, random_loop_mark, Branch, ProcessTags};
