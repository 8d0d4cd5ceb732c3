//! Which targets a session lists as unavailable, and what listed targets are good for.

use std::time::Duration;

use crate::support::*;
use oversip::client::session::{RequestClass, Role, Session, SessionInput};
use oversip::client::{Failure, RouteError};

#[test]
fn a_target_that_fails_is_blacklisted_and_the_next_one_is_tried() {
    let mut case = Case::proxy(RequestClass::Invite);
    case.give(targets(&[1, 2]));
    assert_eq!(case.give(SessionInput::Timeout), ["on_target udp:192.0.2.1:2", "send udp:192.0.2.1:2"]);
    let entry = case.blacklist.get(case.now, "udp:192.0.2.1:1").expect("an entry");
    assert_eq!((entry.status, entry.code), (408, "client_timeout"));
    assert_eq!(
        case.give(SessionInput::ConnectionError),
        ["on_error 500 Connection Error connection_error", "reply 500 Connection Error"]
    );
    assert!(case.session.is_over());
}

#[test]
fn without_use_blacklist_nothing_is_remembered() {
    let mut case = Case::new(Role::Proxy, RequestClass::Invite, |profile| profile.use_blacklist = false);
    case.give(targets(&[1]));
    case.give(SessionInput::Timeout);
    assert!(!case.blacklist.any(case.now));
}

#[test]
fn a_wholly_blacklisted_destination_gives_the_stored_result_of_the_last_target_and_sends_nothing() {
    let mut case = Case::new(Role::Proxy, RequestClass::Invite, |profile| profile.use_blacklist = false);
    let ttl = Duration::from_secs(10);
    case.blacklist.add(case.now, "udp:192.0.2.1:1", Failure::destination_blacklisted(403, "One"), ttl);
    case.blacklist.add(case.now, "udp:192.0.2.1:2", Failure::destination_blacklisted(410, "Two"), ttl);
    assert_eq!(case.give(targets(&[1, 2])), ["on_error 410 Two destination_blacklisted", "reply 410 Two"]);
}

#[test]
fn a_503_with_retry_after_blacklists_for_that_time() {
    let mut case = Case::proxy(RequestClass::Invite);
    case.give(targets(&[1, 2]));
    case.give(response(503, "Retry-After: 30 (busy)\r\n"));
    let (now, key) = (case.now, "udp:192.0.2.1:1");
    assert_eq!(case.blacklist.get(now, key).map(|e| e.code), Some("service_unavailable"));
    assert!(case.blacklist.get(now + Duration::from_secs(29), key).is_some());
    assert!(case.blacklist.get(now + Duration::from_secs(31), key).is_none());
}

#[test]
fn a_wild_retry_after_is_cut_to_ten_minutes_and_none_lasts_shorter_than_blacklist_time() {
    let key = "udp:192.0.2.1:1";
    let rows =
        [("601", 600), ("99999999999999999999999999", 600), ("0", 10), ("3;duration=5", 10), ("11", 11)];
    for (value, seconds) in rows {
        let mut case = Case::proxy(RequestClass::Invite);
        case.give(targets(&[1]));
        case.give(response(503, &format!("Retry-After: {value}\r\n")));
        let mut alive = |after: u64| case.blacklist.get(case.now + Duration::from_secs(after), key).is_some();
        assert!(alive(seconds - 1), "{value}");
        assert!(!alive(seconds), "{value}");
    }
    for value in ["soon", "-5", ""] {
        let mut case = Case::proxy(RequestClass::Invite);
        case.give(targets(&[1]));
        case.give(response(503, &format!("Retry-After: {value}\r\n")));
        assert!(!case.blacklist.any(case.now), "{value}");
    }
}

#[test]
fn retry_after_counts_without_failover_too_but_not_without_use_blacklist() {
    let mut case =
        Case::new(Role::Proxy, RequestClass::Invite, |profile| profile.dns_failover_on_503 = false);
    case.give(targets(&[1]));
    case.give(response(503, "Retry-After: 30\r\n"));
    assert!(case.blacklist.any(case.now));
    let mut case = Case::new(Role::Proxy, RequestClass::Invite, |profile| profile.use_blacklist = false);
    case.give(targets(&[1]));
    case.give(response(503, "Retry-After: 30\r\n"));
    assert!(!case.blacklist.any(case.now));
}

#[test]
fn a_target_known_to_be_unavailable_is_503_for_the_blocks_and_500_upstream() {
    let mut case = Case::proxy(RequestClass::Invite);
    case.give(targets(&[1]));
    case.give(response(503, "Retry-After: 30\r\n"));
    let (now, profile) = (case.now, case.session.profile().clone());
    let session = Session::new(Role::Proxy, RequestClass::Invite, profile.clone(), PATIENCE);
    let mut next = Case { session, now, blacklist: case.blacklist };
    assert_eq!(next.give(targets(&[1])), ["ask for the probe of udp:192.0.2.1:1"]);
    assert_eq!(
        next.give(SessionInput::StillListed),
        ["on_error 503 Service Unavailable service_unavailable", "reply 500 Server Internal Error"]
    );
}

#[test]
fn a_target_that_is_tried_all_the_same_is_not_told_of_as_passed_over() {
    let case = |ports: &[u16]| {
        let mut case = Case::proxy(RequestClass::Invite);
        case.session.tell_passed_over();
        list(&mut case, &[1, 2]);
        case.give(targets(ports));
        case
    };
    // Another one is free.
    assert_eq!(case(&[1, 2, 3]).session.take_passed_over(), [target(1), target(2)]);
    // All are listed: one of them may be the probe.
    let mut probe = case(&[1, 2]);
    assert_eq!(probe.session.take_passed_over(), []);
    probe.give(SessionInput::Probe);
    assert_eq!(probe.session.take_passed_over(), [target(2)]);
    let mut none = case(&[1, 2]);
    none.give(SessionInput::StillListed);
    assert_eq!(none.session.take_passed_over(), [target(1), target(2)]);
    let mut again = case(&[1, 2]);
    again.give(SessionInput::LookAgain);
    again.give(SessionInput::StillListed);
    assert_eq!(again.session.take_passed_over(), [target(1), target(2)]);
}

#[test]
fn a_request_of_a_dialog_passes_no_target_over_that_it_comes_to_later() {
    let mut case = Case::proxy(RequestClass::Invite);
    case.session.tell_passed_over();
    case.session.set_in_dialog();
    list(&mut case, &[1, 2]);
    case.give(targets(&[1, 2]));
    assert_eq!(case.session.take_passed_over(), []);
}

#[test]
fn a_blacklisted_first_target_is_passed_over_without_being_shown() {
    let mut case = Case::proxy(RequestClass::Invite);
    let entry = Failure::destination_blacklisted(403, "One");
    case.blacklist.add(case.now, "udp:192.0.2.1:1", entry, Duration::from_secs(10));
    assert_eq!(case.give(targets(&[1, 2])), ["on_target udp:192.0.2.1:2", "send udp:192.0.2.1:2"]);
    // What comes of the second one counts, not the entry.
    assert_eq!(
        case.give(SessionInput::Timeout),
        ["on_error 408 Client Timeout client_timeout", "reply 408 Client Timeout"]
    );
}

#[test]
fn a_tls_server_that_was_refused_is_blacklisted_as_such() {
    let mut case = Case::proxy(RequestClass::Invite);
    case.give(targets(&[1]));
    assert_eq!(
        case.give(SessionInput::TlsValidationFailed),
        ["on_error 500 TLS Validation Failed tls_validation_failed", "reply 500 TLS Validation Failed"]
    );
    let entry = case.blacklist.get(case.now, "udp:192.0.2.1:1").expect("an entry");
    assert_eq!((entry.status, entry.code), (500, "tls_validation_failed"));
}

#[test]
fn a_flow_has_no_targets_and_leaves_no_blacklist_entry() {
    let mut case = Case::proxy(RequestClass::Invite);
    assert_eq!(case.give(SessionInput::Flow), ["send over the flow"]);
    assert_eq!(
        case.give(SessionInput::Timeout),
        ["on_error 408 Client Timeout client_timeout", "reply 408 Client Timeout"]
    );
    assert!(!case.blacklist.any(case.now));
    let mut case = Case::proxy(RequestClass::Invite);
    case.give(SessionInput::Flow);
    assert_eq!(
        case.give(SessionInput::FlowFailed),
        ["on_error 430 Flow Failed flow_failed", "reply 430 Flow Failed"]
    );
}

/// Lists targets by automatic entries, the first one for the longest time.
fn list(case: &mut Case, ports: &[u16]) {
    for (age, port) in ports.iter().rev().enumerate() {
        let at = case.now - Duration::from_secs(age as u64);
        case.blacklist.add_automatic(
            at,
            &target(*port),
            RouteError::ClientTimeout.into(),
            Duration::from_secs(60),
        );
    }
}

#[test]
fn a_target_that_was_heard_meanwhile_gets_no_entry_for_a_timer() {
    let mut case = Case::proxy(RequestClass::NonInvite);
    case.give(targets(&[1]));
    assert_eq!(case.give(SessionInput::Unanswered), ["on_error 408 Client Timeout client_timeout"]);
    assert!(!case.blacklist.any(case.now));
    assert_eq!(case.session.take_listed(), None);
}

#[test]
fn a_probe_that_is_cancelled_before_it_leaves_delays_no_request() {
    let mut case = Case::proxy(RequestClass::Invite);
    list(&mut case, &[1]);
    case.give(targets(&[1]));
    case.session.note_canceled();
    assert_eq!(case.give(SessionInput::Probe), ["reply 487 Request Terminated", "on_canceled"]);
    assert_eq!(case.session.probe_outcome(), Some(false));
}

#[test]
fn the_target_that_is_listed_longest_is_the_one_to_probe() {
    let mut case = Case::proxy(RequestClass::Invite);
    list(&mut case, &[2, 1]);
    assert_eq!(case.give(targets(&[1, 2])), ["ask for the probe of udp:192.0.2.1:2"]);
    assert!(case.session.asks_probe());
    assert_eq!(case.give(SessionInput::Probe), ["on_target udp:192.0.2.1:2", "send udp:192.0.2.1:2"]);
    assert_eq!(case.session.probe_outcome(), None, "it is out");
    // No second target is probed.
    assert_eq!(
        case.give(SessionInput::Timeout),
        ["on_error 408 Client Timeout client_timeout", "reply 408 Client Timeout"]
    );
    assert_eq!(case.session.probe_outcome(), Some(true));
    let mut since = |port| case.blacklist.entry(case.now, &target(port)).and_then(|entry| entry.automatic);
    assert!(since(1) <= since(2), "the entry is a new one");
}

#[test]
fn a_probe_that_ends_by_no_fault_of_the_target_has_not_failed() {
    for input in
        [SessionInput::Unanswered, SessionInput::ConnectionLost, response(486, ""), response(503, "")]
    {
        let mut case = Case::proxy(RequestClass::Invite);
        list(&mut case, &[1]);
        case.give(targets(&[1]));
        case.give(SessionInput::Probe);
        case.give(input);
        assert_eq!(case.session.probe_outcome(), Some(false));
    }
    let mut case = Case::proxy(RequestClass::Invite);
    list(&mut case, &[1]);
    case.give(targets(&[1]));
    case.give(SessionInput::Probe);
    case.give(response(503, "Retry-After: 600\r\n"));
    assert_eq!(case.session.probe_outcome(), Some(true));
}

#[test]
fn a_waiting_request_tries_again_or_gets_the_stored_result() {
    let mut case = Case::proxy(RequestClass::Invite);
    list(&mut case, &[1, 2]);
    case.give(targets(&[1, 2]));
    case.blacklist.heard(case.now, &target(2));
    assert_eq!(case.give(SessionInput::LookAgain), ["on_target udp:192.0.2.1:2", "send udp:192.0.2.1:2"]);
    let mut case = Case::proxy(RequestClass::Invite);
    list(&mut case, &[1, 2]);
    case.give(targets(&[1, 2]));
    assert_eq!(case.give(SessionInput::LookAgain), ["ask for the probe of udp:192.0.2.1:1"]);
    assert_eq!(
        case.give(SessionInput::StillListed),
        ["on_error 408 Client Timeout client_timeout", "reply 408 Client Timeout"]
    );
}

#[test]
fn a_request_that_waits_ends_with_cancel_and_with_abort_routing() {
    let mut case = Case::proxy(RequestClass::Invite);
    list(&mut case, &[1]);
    case.give(targets(&[1]));
    assert_eq!(case.give(SessionInput::Canceled), ["reply 487 Request Terminated", "on_canceled"]);
    assert_eq!(case.give(SessionInput::Probe), [""; 0]);
    let mut case = Case::proxy(RequestClass::Invite);
    list(&mut case, &[1]);
    case.give(targets(&[1]));
    assert_eq!(
        case.give(SessionInput::Aborted),
        ["on_error 403 Destination Aborted destination_aborted", "reply 403 Destination Aborted"]
    );
}

#[test]
fn only_automatic_entries_are_probed() {
    let mut case = Case::proxy(RequestClass::Invite);
    list(&mut case, &[2]);
    let entry = Failure::destination_blacklisted(410, "One");
    case.blacklist.add(case.now, "udp:192.0.2.1:1", entry, Duration::from_secs(10));
    assert_eq!(case.give(targets(&[2, 1])), ["ask for the probe of udp:192.0.2.1:2"]);
    assert_eq!(
        case.give(SessionInput::StillListed),
        ["on_error 410 One destination_blacklisted", "reply 410 One"]
    );
}

#[test]
fn a_request_of_a_dialog_goes_to_listed_targets_last_and_makes_no_entry() {
    let mut case = Case::proxy(RequestClass::Invite);
    case.session.set_in_dialog();
    list(&mut case, &[1]);
    assert_eq!(case.give(targets(&[1, 2])), ["on_target udp:192.0.2.1:2", "send udp:192.0.2.1:2"]);
    assert_eq!(case.give(SessionInput::Timeout), ["on_target udp:192.0.2.1:1", "send udp:192.0.2.1:1"]);
    case.give(response(503, "Retry-After: 600\r\n"));
    assert_eq!(case.blacklist.keys(case.now), ["udp:192.0.2.1:1"]);
    let mut case = Case::proxy(RequestClass::Ack);
    list(&mut case, &[1, 2]);
    assert_eq!(case.give(targets(&[1, 2])), ["on_target udp:192.0.2.1:1", "send udp:192.0.2.1:1"]);
}
