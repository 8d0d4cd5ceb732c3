//! From a destination to addresses (RFC 3263): values without I/O.
//!
//! - [`plan`] checks a destination and says whether DNS is needed.
//! - An [`Inquiry`] then names questions, is told answers, and ends with a [`Resolution`], which a [`DnsCache`] may remember.
//! - [`Resolution::targets`] makes the ordered list of targets, each time with fresh draws of the weights.

mod asked;
mod dns_cache;
mod error;
mod facts;
mod inquiry;
mod plan;
mod policy;
mod query;
mod question;
mod resolution;
mod search;
mod selection;
mod service;
mod target;

pub use asked::Asked;
pub use dns_cache::{DnsCache, DnsCacheId, DNS_CACHE_CAPACITY};
pub use error::ResolveError;
pub use inquiry::{Inquiry, InquiryProgress};
pub use plan::{plan, Plan};
pub use policy::Policy;
pub use query::{Maddr, Query, QueryHost, QueryScheme, QueryTransport};
pub use question::{Answer, NaptrRecord, Question, RecordKind, Records, SrvRecord};
pub use resolution::{Resolution, Resolved};
pub use selection::Draw;
pub use service::{Server, Service};
pub use target::{is_unicast, IpFamily, Target};
