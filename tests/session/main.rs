//! The decisions of one `route`, without clock, sockets or Ruby: what is sent, and what goes upstream.

mod blacklist;
mod end;
mod large_requests;
#[path = "../support/policy.rs"]
mod policy;
#[path = "../support/profile.rs"]
mod profile;
mod support;

use std::time::Duration;

use oversip::client::session::{RequestClass, Role, SessionInput, SessionRound};
use oversip::client::Failure;
use oversip::resolve::ResolveError;
use support::*;

#[test]
fn a_target_is_shown_before_the_request_is_sent_to_it() {
    let mut case = Case::proxy(RequestClass::Invite);
    assert_eq!(case.give(targets(&[1])), ["on_target udp:192.0.2.1:1", "send udp:192.0.2.1:1"]);
    assert_eq!(case.give(response(180, "")), ["on_provisional_response", "forward 180"]);
    assert_eq!(case.give(response(200, "")), ["on_success_response", "forward 200"]);
    assert!(!case.session.is_over(), "further 2xx may come");
    assert_eq!(case.give(SessionInput::BranchEnded), [""; 0]);
    assert!(case.session.is_over());
}

#[test]
fn an_empty_list_of_targets_is_no_dns_resolution() {
    let mut case = Case::proxy(RequestClass::Invite);
    assert_eq!(
        case.give(targets(&[])),
        ["on_error 404 No DNS Resolution no_dns_resolution", "reply 404 No DNS Resolution"]
    );
}

#[test]
fn drop_response_keeps_the_answer_from_going_upstream() {
    let mut case = Case::proxy(RequestClass::Invite);
    case.give(targets(&[1]));
    assert_eq!(case.give_with(response(180, ""), |_| DROP), ["on_provisional_response"]);
    assert_eq!(case.give_with(response(486, ""), |_| DROP), ["on_failure_response 486"]);
    let mut case = Case::proxy(RequestClass::Invite);
    assert_eq!(
        case.give_with(SessionInput::Unroutable(ResolveError::NoDns), |_| DROP),
        ["on_error 478 Destination Requires Unsupported DNS Resolution no_dns"]
    );
}

#[test]
fn for_a_non_invite_neither_a_1xx_nor_a_408_goes_upstream() {
    let mut case = Case::proxy(RequestClass::NonInvite);
    case.give(targets(&[1]));
    assert_eq!(case.give(response(183, "")), ["on_provisional_response"]);
    assert_eq!(case.give(SessionInput::Timeout), ["on_error 408 Client Timeout client_timeout"]);
    let mut case = Case::proxy(RequestClass::NonInvite);
    case.give(targets(&[1]));
    assert_eq!(case.give(response(408, "")), ["on_failure_response 408"]);
}

#[test]
fn an_ack_is_sent_once_and_is_over() {
    let mut case = Case::proxy(RequestClass::Ack);
    assert_eq!(case.give(targets(&[1, 2])), ["on_target udp:192.0.2.1:1", "send udp:192.0.2.1:1"]);
    assert!(case.session.is_over());
}

#[test]
fn the_error_of_an_ack_runs_on_error_and_is_not_answered() {
    for role in [Role::Proxy, Role::Uac] {
        let ack = || Case::new(role, RequestClass::Ack, |_| {});
        let mut case = ack();
        let seen = case.give(SessionInput::Unroutable(ResolveError::NoDnsResolution));
        assert_eq!(seen, ["on_error 404 No DNS Resolution no_dns_resolution"]);
        assert!(case.session.is_over());
        let mut case = ack();
        let aborted = SessionRound { aborted: true, ..SessionRound::default() };
        let seen = case.give_with(targets(&[1, 2]), |_| aborted);
        let expected = ["on_target udp:192.0.2.1:1", "on_error 403 Destination Aborted destination_aborted"];
        assert_eq!(seen, expected);
        assert!(case.session.is_over());
        let mut case = ack();
        let entry = Failure::destination_blacklisted(486, "Not Today");
        case.blacklist.add(case.now, "udp:192.0.2.1:1", entry, Duration::from_secs(10));
        assert_eq!(case.give(targets(&[1])), ["on_error 486 Not Today destination_blacklisted"]);
        let mut case = ack();
        assert_eq!(case.give(SessionInput::Flow), ["send over the flow"]);
        assert_eq!(case.give(SessionInput::FlowFailed), ["on_error 430 Flow Failed flow_failed"]);
        assert!(case.session.is_over());
    }
}

#[test]
fn a_sips_request_does_not_go_to_an_open_target_or_flow_and_blames_no_target() {
    let refused =
        ["on_error 416 Unsupported URI scheme unsupported_uri_scheme", "reply 416 Unsupported URI scheme"];
    let mut case = Case::proxy(RequestClass::NonInvite);
    case.give(targets(&[1, 2]));
    assert_eq!(case.give(SessionInput::Unprotected), ["on_target udp:192.0.2.1:2", "send udp:192.0.2.1:2"]);
    assert_eq!(case.give(SessionInput::Unprotected), refused);
    assert!(!case.blacklist.any(case.now));
    let mut case = Case::proxy(RequestClass::NonInvite);
    case.give(SessionInput::Flow);
    assert_eq!(case.give(SessionInput::Unprotected), refused);
}

#[test]
fn a_503_moves_on_and_leaves_a_proxy_as_500() {
    let mut case = Case::proxy(RequestClass::Invite);
    case.give(targets(&[1, 2]));
    assert_eq!(case.give(response(503, "")), ["on_target udp:192.0.2.1:2", "send udp:192.0.2.1:2"]);
    assert!(!case.blacklist.any(case.now), "a plain 503 makes no entry");
    assert_eq!(case.give(response(503, "")), ["on_failure_response 503", "forward 500"]);
}

#[test]
fn without_failover_the_blocks_of_a_proxy_see_500_for_503() {
    let mut case =
        Case::new(Role::Proxy, RequestClass::Invite, |profile| profile.dns_failover_on_503 = false);
    case.give(targets(&[1, 2]));
    assert_eq!(case.give(response(503, "")), ["on_failure_response 500", "forward 500"]);
}

#[test]
fn a_uac_moves_on_after_a_503_and_keeps_the_last_one_as_it_is() {
    let mut case = Case::new(Role::Uac, RequestClass::NonInvite, |_| {});
    case.give(targets(&[1, 2]));
    assert_eq!(case.give(response(503, "")), ["on_target udp:192.0.2.1:2", "send udp:192.0.2.1:2"]);
    assert_eq!(case.give(response(503, "")), ["on_failure_response 503"]);
    assert!(case.session.is_over());
}

#[test]
fn without_failover_a_uac_keeps_503_and_sends_nothing_upstream() {
    let mut case =
        Case::new(Role::Uac, RequestClass::NonInvite, |profile| profile.dns_failover_on_503 = false);
    case.give(targets(&[1, 2]));
    assert_eq!(case.give(response(503, "")), ["on_failure_response 503"]);
    assert!(case.session.is_over());
}

#[test]
fn the_last_target_decides_whatever_the_ones_before_it_came_to() {
    let mut case = Case::proxy(RequestClass::Invite);
    let entry = Failure::destination_blacklisted(410, "Two");
    case.blacklist.add(case.now, "udp:192.0.2.1:2", entry, Duration::from_secs(10));
    case.give(targets(&[1, 2]));
    assert_eq!(case.give(response(503, "")), ["on_error 410 Two destination_blacklisted", "reply 410 Two"]);
    let mut case = Case::proxy(RequestClass::Invite);
    case.give(targets(&[1, 2]));
    case.give(SessionInput::ConnectionError);
    assert_eq!(case.give(response(503, "")), ["on_failure_response 503", "forward 500"]);
}

#[test]
fn an_ack_that_cannot_be_sent_to_a_target_goes_to_the_next_one() {
    let mut case = Case::proxy(RequestClass::Ack);
    case.give(targets(&[1, 2]));
    let next = case.give(SessionInput::ConnectionLost);
    assert_eq!(next, ["on_target udp:192.0.2.1:2", "send udp:192.0.2.1:2"]);
    assert_eq!(case.give(SessionInput::ConnectionError), ["on_error 500 Connection Error connection_error"]);
    assert!(case.session.is_over());
    assert!(!case.blacklist.any(case.now));
}

#[test]
fn a_challenge_that_can_be_answered_goes_to_the_same_target_without_a_callback() {
    let mut case = Case::new(Role::Uac, RequestClass::NonInvite, |_| {});
    case.give(targets(&[1, 2]));
    assert!(case.session.may_answer_challenge());
    assert_eq!(case.give(SessionInput::Challenged), ["send udp:192.0.2.1:1"]);
    assert_eq!(case.give(response(401, "")), ["on_failure_response 401"]);
    assert!(!case.session.may_answer_challenge());
}

#[test]
fn a_proxy_answers_no_challenge() {
    let mut case = Case::proxy(RequestClass::NonInvite);
    case.give(targets(&[1]));
    assert!(!case.session.may_answer_challenge());
}

#[test]
fn no_more_than_max_targets_are_tried_however_many_there_are() {
    let mut case = Case::new(Role::Proxy, RequestClass::Invite, |profile| profile.max_targets = 2);
    let entry = Failure::destination_blacklisted(403, "One");
    case.blacklist.add(case.now, "udp:192.0.2.1:1", entry, Duration::from_secs(10));
    assert_eq!(case.give(targets(&[1, 2, 3, 4])), ["on_target udp:192.0.2.1:2", "send udp:192.0.2.1:2"]);
    assert_eq!(
        case.give(SessionInput::ConnectionError),
        ["on_target udp:192.0.2.1:3", "send udp:192.0.2.1:3"]
    );
    assert_eq!(
        case.give(SessionInput::Timeout),
        ["on_error 408 Client Timeout client_timeout", "reply 408 Client Timeout"]
    );
}
