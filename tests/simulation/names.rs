//! How names are resolved on the simulated network.

use oversip::resolve::IpFamily;

use crate::call_to;
use crate::element_support::*;

/// To which of the two callees a call to `sip:b.example` goes, and after how long.
fn resolved(zone: impl FnOnce(&mut Zone)) -> (Vec<usize>, CallState, std::time::Duration) {
    let mut world = world(1);
    zone(world.zone());
    let callees = [BOB, CAROL].map(|at| add_callee(&mut world, at, Uas::answering(486, millis(1))));
    let mut profile = profile();
    profile.resolve.ip_type_preference = vec![IpFamily::V4];
    let (state, took) = call_to(&mut world, Blocks::relay_to(profile, by_dns("sip:b.example")));
    (callees.map(|callee| world.peer(callee).calls().len()).to_vec(), state, took)
}

#[test]
fn a_name_is_resolved_by_naptr_srv_and_a_records() {
    let (calls, state, _) = resolved(|zone| {
        zone.naptr("b.example", 10, 10, "SIP+D2U", "_sip._udp.b.example")
            .srv("_sip._udp.b.example", 20, 0, 5060, "bob.example")
            .srv("_sip._udp.b.example", 10, 0, 5060, "carol.example")
            .address("bob.example", address(BOB).ip())
            .address("carol.example", address(CAROL).ip());
    });
    assert_eq!((calls, state), (vec![0, 1], CallState::Refused(486)));
}

#[test]
fn an_alias_leads_to_the_address_of_another_name() {
    let (calls, ..) = resolved(|zone| {
        zone.alias("b.example", "host.example").address("host.example", address(BOB).ip());
    });
    assert_eq!(calls, [1, 0]);
}

#[test]
fn a_name_that_does_not_exist_leads_nowhere_at_once() {
    let (calls, state, took) = resolved(|_| {});
    assert_eq!((calls, state), (vec![0, 0], CallState::Refused(404)));
    assert!(took < seconds(1), "{took:?}");
}

#[test]
fn a_name_server_that_fails_is_told_at_once_and_one_that_is_silent_after_its_time() {
    for (trouble, at_least) in [(Trouble::ServerFailure, seconds(0)), (Trouble::Silence, seconds(9))] {
        let (calls, state, took) = resolved(|zone| {
            for name in ["b.example", "_sip._udp.b.example", "_sip._tcp.b.example", "_sips._tcp.b.example"] {
                zone.trouble(name, trouble);
            }
        });
        assert_eq!((calls, state), (vec![0, 0], CallState::Refused(404)));
        assert!(took >= at_least && took < at_least + seconds(2), "{trouble:?}: {took:?}");
    }
}

#[test]
fn what_was_resolved_holds_as_long_as_its_records() {
    let mut world = world(1);
    world.zone().set_ttl(seconds(30)).address("b.example", address(BOB).ip());
    add_relay(&mut world, RELAY, Blocks::relay_to(profile(), by_dns("sip:b.example:5060;transport=udp")));
    let alice = add_caller(&mut world, ALICE, RELAY);
    let callees = [BOB, CAROL].map(|at| add_callee(&mut world, at, Uas::answering(486, millis(1))));
    let calls = |world: &mut World| {
        call(world, alice, CallPlan::default());
        world.advance(seconds(20));
        callees.map(|callee| world.peer(callee).calls().len())
    };
    assert_eq!(calls(&mut world), [1, 0]);
    world.zone().forget("b.example").address("b.example", address(CAROL).ip());
    assert_eq!(calls(&mut world), [2, 0], "20 s later the record still holds");
    assert_eq!(calls(&mut world), [2, 1], "40 s later it does not");
}
