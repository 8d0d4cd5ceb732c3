//! From a destination to addresses (RFC 3263): a planner without I/O, and the look-ups that it asks for.

mod lookup;
mod plan;
mod question;
mod resolution;

pub use lookup::{Lookup, LookupError, NameServer, RESOLUTION_LIMIT};
pub use plan::{plan, Inquiry, Plan, Progress, Query, QueryHost, QueryScheme, QueryTransport};
pub use question::{Answer, Question};
pub use resolution::{Resolution, Resolved};
