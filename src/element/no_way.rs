//! Why a request cannot leave for a target.

use std::net::{IpAddr, SocketAddr};

use thiserror::Error;

use crate::resolve::Target;

/// Why no way leads from here to a target.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoWay {
    /// Only the client opens a WebSocket.
    #[error("{target} cannot be reached: a WebSocket is opened by its client")]
    WebSocket {
        /// The target.
        target: Target,
    },
    /// No listener is of its transport and family.
    #[error("{target} cannot be reached: there is no UDP socket of its family")]
    NoListener {
        /// The target.
        target: Target,
    },
    /// The listeners are on loopback, and the request may leave from nowhere else.
    #[error(
        "{target} cannot be reached from {from}, where OverSIP listens: set sip: {} to an address of this machine",
        parameter(.target.addr)
    )]
    LoopbackOnly {
        /// The target.
        target: Target,
        /// Where the listeners are.
        from: IpAddr,
    },
    /// The system knows no route to it.
    #[error(
        "{target} cannot be reached: {cause}. If this machine has an address that leads there, set sip: {} to it",
        parameter(.target.addr)
    )]
    Unreachable {
        /// The target.
        target: Target,
        /// The system's words.
        cause: String,
    },
    /// No socket could be opened.
    #[error("{target} cannot be reached: {cause}")]
    NoSocket {
        /// The target.
        target: Target,
        /// The system's words.
        cause: String,
    },
}

fn parameter(target: SocketAddr) -> &'static str {
    if target.is_ipv4() {
        "listen_ipv4"
    } else {
        "listen_ipv6"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Transport;

    #[test]
    fn what_is_impossible_names_the_parameter() {
        let no_way = |target: &str| {
            let target: SocketAddr = target.parse().unwrap();
            let target = Target::new(Transport::Tcp, target.ip(), target.port());
            NoWay::LoopbackOnly { target, from: IpAddr::from([127, 0, 0, 1]) }.to_string()
        };
        assert_eq!(
            no_way("192.0.2.9:5060"),
            "tcp:192.0.2.9:5060 cannot be reached from 127.0.0.1, where OverSIP listens: set sip: listen_ipv4 to an \
             address of this machine"
        );
        assert!(no_way("[2001:db8::1]:5060").contains("set sip: listen_ipv6 to"));
    }
}
