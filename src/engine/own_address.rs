//! From which of our addresses a request leaves, where the listeners are on loopback.

use std::net::{IpAddr, SocketAddr};

use thiserror::Error;

use crate::element::{OwnAddress, Settings};
use crate::resolve::Target;
use crate::transport::{error_text, source_for};

/// Why a request cannot leave.
#[derive(Debug, Error)]
pub(super) enum NoWay {
    #[error(
        "{target} cannot be reached from {from}, where OverSIP listens: set sip: {} to an address of this machine",
        parameter(.target.addr)
    )]
    LoopbackOnly { target: Target, from: IpAddr },
    #[error(
        "{target} cannot be reached: {}. If this machine has an address that leads there, set sip: {} to it",
        error_text(.cause), parameter(.target.addr)
    )]
    Unreachable { target: Target, cause: std::io::Error },
    #[error("{target} cannot be reached: {}", error_text(.cause))]
    NoSocket { target: Target, cause: std::io::Error },
}

fn parameter(target: SocketAddr) -> &'static str {
    if target.is_ipv4() {
        "listen_ipv4"
    } else {
        "listen_ipv6"
    }
}

/// The address that a request to another host leaves from; `None` where the listeners reach the target: this machine's own
/// addresses are reached from loopback.
pub(super) fn to_other_hosts(
    settings: &Settings,
    allowed: OwnAddress,
    target: Target,
) -> Result<Option<IpAddr>, NoWay> {
    let source = source_for(target.addr).map_err(|cause| NoWay::Unreachable { target, cause })?;
    let address = settings.leaves_from(allowed, target.addr.ip(), source);
    address.ok_or(NoWay::LoopbackOnly { target, from: allowed.loopback })
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
