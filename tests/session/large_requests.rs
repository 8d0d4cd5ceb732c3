//! Requests that are too large for UDP (RFC 3261 18.1.1).

use std::time::Duration;

use crate::support::*;
use oversip::client::session::{RequestClass, Role, SessionInput};
use oversip::client::Failure;

#[test]
fn a_large_request_goes_by_tcp_and_by_udp_when_that_is_refused() {
    let mut case = Case::proxy(RequestClass::Invite);
    case.session.set_oversize();
    assert_eq!(case.give(targets(&[1])), ["on_target tcp:192.0.2.1:1", "send tcp:192.0.2.1:1"]);
    assert_eq!(
        case.give(SessionInput::ConnectionError),
        ["on_target udp:192.0.2.1:1", "send udp:192.0.2.1:1"]
    );
    assert!(!case.blacklist.any(case.now), "no entry");
    assert!(case.blacklist.has_refused_upgrade(case.now, "tcp:192.0.2.1:1"));
    assert_eq!(
        case.give(SessionInput::Timeout),
        ["on_error 408 Client Timeout client_timeout", "reply 408 Client Timeout"]
    );
    assert_eq!(case.blacklist.keys(case.now), ["udp:192.0.2.1:1"]);
}

#[test]
fn a_large_request_goes_by_udp_at_once_where_tcp_failed_lately() {
    let mut case = Case::proxy(RequestClass::Invite);
    case.blacklist.note_refused_upgrade(case.now, "tcp:192.0.2.1:1", Duration::from_secs(10));
    case.session.set_oversize();
    assert_eq!(case.give(targets(&[1])), ["on_target udp:192.0.2.1:1", "send udp:192.0.2.1:1"]);
}

#[test]
fn a_large_request_that_tcp_took_does_not_go_to_the_same_target_by_udp() {
    let mut case = Case::proxy(RequestClass::Invite);
    case.session.set_oversize();
    case.give(targets(&[1, 2]));
    assert_eq!(case.give(response(503, "")), ["on_target tcp:192.0.2.1:2", "send tcp:192.0.2.1:2"]);
}

#[test]
fn a_large_request_is_not_sent_to_a_blacklisted_udp_target_by_tcp() {
    let mut case = Case::proxy(RequestClass::Invite);
    let entry = Failure::destination_blacklisted(403, "Never here!");
    case.blacklist.add(case.now, "udp:192.0.2.1:1", entry, Duration::from_secs(10));
    case.session.set_oversize();
    assert_eq!(
        case.give(targets(&[1])),
        ["on_error 403 Never here! destination_blacklisted", "reply 403 Never here!"]
    );
}

#[test]
fn neither_a_lost_connection_nor_a_large_request_makes_an_entry() {
    let rows = [
        (SessionInput::ConnectionLost, "500 Connection Error connection_error"),
        (SessionInput::TooLarge, "513 Message Too Large message_too_large"),
    ];
    for (input, error) in rows {
        let mut case = Case::new(Role::Uac, RequestClass::Invite, |_| {});
        case.give(targets(&[1]));
        assert_eq!(case.give(input), [format!("on_error {error}")]);
        assert!(!case.blacklist.any(case.now));
    }
}

#[test]
fn tcp_that_answers_others_is_tried_for_the_next_large_request_too() {
    for input in [SessionInput::Unanswered, SessionInput::ConnectionLost] {
        let mut case = Case::proxy(RequestClass::Invite);
        case.session.set_oversize();
        case.give(targets(&[1]));
        assert_eq!(case.give(input), ["on_target udp:192.0.2.1:1", "send udp:192.0.2.1:1"]);
        assert!(!case.blacklist.has_refused_upgrade(case.now, "tcp:192.0.2.1:1"));
    }
}

#[test]
fn udp_in_place_of_tcp_is_not_a_target_more() {
    let mut case = Case::new(Role::Proxy, RequestClass::Invite, |profile| profile.max_targets = 1);
    case.session.set_oversize();
    case.give(targets(&[1, 2]));
    assert_eq!(
        case.give(SessionInput::ConnectionError),
        ["on_target udp:192.0.2.1:1", "send udp:192.0.2.1:1"]
    );
    assert_eq!(
        case.give(SessionInput::TooLarge),
        ["on_error 513 Message Too Large message_too_large", "reply 513 Message Too Large"]
    );
}
