//! Requests to a name that DNS leads somewhere.

use oversip::client::Profile;
use oversip::simulation::{Blocks, ElementId, PeerId, Uac, World};

use super::{add_caller, add_relay, address, by_dns, profile, telling, world, Notes, ALICE, RELAY};

/// A world whose element sends requests to `sip:b.example` by DNS, and the caller there.
pub fn by_name(destination: &str) -> (World, ElementId, PeerId<Uac>, Notes) {
    with_profile(profile(), destination)
}

/// The same with a profile.
pub fn with_profile(profile: Profile, uri: &str) -> (World, ElementId, PeerId<Uac>, Notes) {
    let mut world = world(1);
    let told = Notes::default();
    let script = telling(Blocks::relay_to(profile, by_dns(uri)), &told);
    let relay = add_relay(&mut world, RELAY, script);
    let alice = add_caller(&mut world, ALICE, RELAY);
    (world, relay, alice, told)
}

/// `_sip._udp` and `_sip._tcp` records of `b.example`, in their order: transport, host, address.
pub fn servers(world: &mut World, records: &[(&str, &str, &str)]) {
    for (number, (transport, host, at)) in records.iter().enumerate() {
        let at = address(at);
        let priority = u16::try_from(number).expect("a few");
        let name = if *transport == "tls" { "_sips._tcp".into() } else { format!("_sip._{transport}") };
        world.zone().srv(&format!("{name}.b.example"), priority, 1, at.port(), host);
        world.zone().address(host, at.ip());
    }
}
