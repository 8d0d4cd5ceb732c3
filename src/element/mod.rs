//! A SIP element (RFC 3261 6) as a value: a proxy and user agent client whose decisions a script makes.
//!
//! [`Element::handle`] takes what has happened, [`Element::poll`] hands out what is to be done, [`Element::next_timeout`] says
//! when the element wants to be called next. The typed methods are what a script asks; they only step the element as well, and
//! a round of blocks that such a call causes itself is handed to its caller, not to [`Element::poll`].
//!
//! The element does no I/O and is deterministic: it reads no clock, draws no randomness that was not handed in, and knows no
//! socket, no thread and no channel. The same inputs lead to the same outputs. `now` never goes back.
//!
//! State has owners, each a type in a file of its own: the table of server transactions (`server_transactions`), each request
//! in it (`server_request`, `server_stage`) with its response context (`context`), client transactions
//! (`client_transactions`), Clients (`client_state`) with their routes (`clients`, `routes_of_client`, `route`), who waits
//! for the ends of routes (`callers`), connections (`flows`), resolutions (`resolutions`), what is known of peers
//! (`reachability`), the ACKs of user agent clients (`uac_acks`), answers to CANCELs (`cancels`), what steps mean for other
//! calls (`consequences`), what has happened (`happenings`) and one timer queue (`timers`). The other files wire them, one subject each: what comes in
//! (`requests`, `responses`, `connections`), the way to a target (`hops`), what goes out (`sending` with `outgoing`,
//! `replies`, `forwarding`, `acknowledging`), the steps of client transactions (`branches`), what a script asks of its
//! Clients (`client_calls`), the order of a Client's events (`turns`), a route from its beginning to its end (`routing`) with
//! its resolution (`resolving`), probe (`probing`), challenges (`challenges`) and caller (`called`), routes whose answer
//! nobody wants any more (`abandoning`), and steps as a whole (`attempts`), which defects may break off (`defects`). At its end all
//! requests get an answer (`ending`).

mod abandoning;
mod acknowledging;
mod attempts;
mod awaited_sockets;
mod backlog;
mod beneficiary;
mod branches;
mod called;
mod callers;
mod cancels;
mod challenges;
mod client_calls;
mod client_state;
mod client_transactions;
mod clients;
mod connections;
mod consequences;
mod context;
mod contract;
mod counts;
mod defects;
mod ending;
mod flows;
mod forwarding;
mod happening;
mod happenings;
mod hold;
mod hops;
mod ids;
mod input;
mod listeners;
mod next_hop;
mod no_way;
mod noted;
mod outgoing;
mod output;
mod probing;
mod reachability;
mod received_request;
mod refusal;
mod replies;
mod reply;
mod requests;
mod resolutions;
mod resolving;
mod responses;
mod route;
mod routes_of_client;
mod routing;
mod scheduled;
mod searches;
mod sending;
mod server_request;
mod server_stage;
mod server_transactions;
mod settings;
mod stores;
mod table;
mod timers;
mod turns;
mod uac_acks;
mod word;

pub use backlog::ScriptQueue;
pub use contract::Element;
pub use counts::{Counts, Dropped, Gauges, Rejected};
#[cfg(feature = "defects")]
pub use defects::PlannedPanic;
pub use happening::{AttemptEnd, Happening, ObservedRequest, Responder};
pub use happenings::Happenings;
pub use hold::Hold;
pub use ids::{AnchorId, CallId, ClientId, OwnRequestId, RequestId, ResolutionId, RouteId};
pub use input::{ConnectionEnd, Input};
pub use listeners::{Listener, Listeners};
pub use next_hop::{NextHop, SendFailure};
pub use no_way::NoWay;
pub use outgoing::ProxyHeaders;
pub use output::{
    OpeningLimits, Outcome, Output, OwnAddress, OwnRequest, Round, ScriptEvent, Sender, ServerName,
    ServerProof,
};
pub use received_request::{in_words, ReceivedRequest, WayBack};
pub use refusal::Refusal;
pub use reply::{Reply, ReplyError};
pub use route::{AcknowledgeError, Body, Caller, Origin, RoundEnd, RouteRequest, TooDeep};
pub use server_request::Creation;
pub use server_stage::ServerState;
pub use settings::{is_loopback, AddressFamilies, Limits, Settings, Status};
pub use word::Word;
