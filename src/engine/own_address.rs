//! From which of our addresses a request leaves, where the listeners are on loopback.

use std::net::IpAddr;

use crate::element::{NoWay, OwnAddress, Settings};
use crate::resolve::Target;
use crate::transport::{error_text, source_for};

/// The address that a request to another host leaves from; `None` where the listeners reach the target: this machine's own
/// addresses are reached from loopback.
pub(super) fn to_other_hosts(
    settings: &Settings,
    allowed: OwnAddress,
    target: Target,
) -> Result<Option<IpAddr>, NoWay> {
    let source =
        source_for(target.addr).map_err(|error| NoWay::Unreachable { target, cause: error_text(&error) })?;
    let address = settings.leaves_from(allowed, target.addr.ip(), source);
    address.ok_or(NoWay::LoopbackOnly { target, from: allowed.loopback })
}
