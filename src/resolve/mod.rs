//! From a destination to addresses (RFC 3263): a planner without I/O, and the look-ups that it asks for.
//!
//! - [`plan`] checks a destination and says whether DNS is needed.
//! - An [`Inquiry`] then names questions, is told answers, and ends with a [`Resolution`].
//! - [`Lookup`] puts the questions to name servers. Nothing else here does I/O.
//! - [`Resolution::targets`] makes the ordered list of targets, each time with fresh draws of the weights.

mod facts;
mod inquiry;
mod lookup;
mod name_servers;
mod plan;
mod query;
mod question;
mod records;
mod resolution;
mod search;
mod selection;

pub use inquiry::{Inquiry, Progress};
pub use lookup::{Lookup, LookupError, RESOLUTION_LIMIT};
pub use name_servers::NameServer;
pub use plan::{plan, Plan};
pub use query::{Query, QueryHost, QueryScheme, QueryTransport};
pub use question::{Answer, NaptrRecord, Question, RecordKind, Records, SrvRecord};
pub use resolution::{Resolution, Resolved, Server, Service};
pub use selection::Draw;
