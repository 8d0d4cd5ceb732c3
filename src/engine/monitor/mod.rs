//! The monitor: what a server shows to who looks at it, by HTTP on a UNIX socket ([`ControlSocket`](control_socket)) and on a
//! port. It has a thread of its own with a runtime of its own: no call waits for who looks, however slow, many or hostile they
//! are. It only asks: nothing can be changed through it.
//!
//! What Ruby alone knows it asks of Ruby ([`RubyQuestions`]), and goes on without where no answer comes.

mod calls;
mod connection_places;
mod control_socket;
mod door;
mod health;
mod hosts;
mod hyper_io;
mod kernel;
mod metrics;
mod monitor_request;
mod monitor_response;
mod pace;
mod page_cache;
mod questions;
mod refusals;
mod routes;
mod scene;
mod serve;
mod status;
mod thread;
mod trace;

pub use calls::CallsPage;
pub use control_socket::ControlSocketError;
pub use questions::{RubyQuestion, RubyQuestions, Topic};
pub use scene::Identity;
pub use thread::{MonitorConfig, MonitorError};

pub(super) use thread::Monitor;
