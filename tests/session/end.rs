//! What ends the search of a session: CANCEL, `abort_routing`, timer C and the time for all targets.

use std::time::Duration;

use crate::support::*;
use oversip::client::session::{Action, Callback, RequestClass, Role, SessionInput, SessionRound};

#[test]
fn abort_routing_drops_all_targets_that_remain() {
    let mut case = Case::proxy(RequestClass::Invite);
    let abort = |text: &str| SessionRound { dropped: false, aborted: text.starts_with("on_target") };
    assert_eq!(
        case.give_with(targets(&[1, 2]), abort),
        [
            "on_target udp:192.0.2.1:1",
            "on_error 403 Destination Aborted destination_aborted",
            "reply 403 Destination Aborted"
        ]
    );
}

#[test]
fn abort_routing_before_the_targets_are_tried_shows_none() {
    let mut case = Case::proxy(RequestClass::Invite);
    case.session.abort();
    assert_eq!(
        case.give(targets(&[1])),
        ["on_error 403 Destination Aborted destination_aborted", "reply 403 Destination Aborted"]
    );
}

#[test]
fn abort_routing_at_the_second_target_gives_403_and_tries_no_third() {
    let mut case = Case::proxy(RequestClass::Invite);
    case.give(targets(&[1, 2, 3]));
    let abort = |text: &str| SessionRound { dropped: false, aborted: text.ends_with(":2") };
    assert_eq!(
        case.give_with(SessionInput::Timeout, abort),
        [
            "on_target udp:192.0.2.1:2",
            "on_error 403 Destination Aborted destination_aborted",
            "reply 403 Destination Aborted"
        ]
    );
}

#[test]
fn abort_routing_while_a_target_is_in_use_forbids_the_next_one_and_not_the_answer_of_this() {
    let mut case = Case::proxy(RequestClass::Invite);
    case.give(targets(&[1, 2]));
    case.session.abort();
    assert_eq!(
        case.give(SessionInput::Timeout),
        ["on_error 403 Destination Aborted destination_aborted", "reply 403 Destination Aborted"]
    );
    let mut last = Case::proxy(RequestClass::Invite);
    last.give(targets(&[1]));
    last.session.abort();
    assert_eq!(
        last.give(SessionInput::Timeout),
        ["on_error 408 Client Timeout client_timeout", "reply 408 Client Timeout"]
    );
}

#[test]
fn after_cancel_there_is_no_failover_and_no_failure_callback() {
    let mut case = Case::proxy(RequestClass::Invite);
    case.give(targets(&[1, 2]));
    assert_eq!(case.give(SessionInput::Canceled), ["on_canceled"]);
    assert_eq!(case.give(response(503, "")), ["forward 500"]);
    let mut case = Case::proxy(RequestClass::Invite);
    case.give(targets(&[1, 2]));
    case.give(SessionInput::Canceled);
    assert_eq!(case.give(SessionInput::Timeout), ["reply 487 Request Terminated"]);
}

#[test]
fn a_2xx_that_crosses_a_cancel_still_counts() {
    let mut case = Case::proxy(RequestClass::Invite);
    case.give(targets(&[1]));
    case.give(SessionInput::Canceled);
    assert_eq!(case.give(response(200, "")), ["on_success_response", "forward 200"]);
}

#[test]
fn cancel_before_any_target_ends_the_routing_and_is_told_once() {
    let mut case = Case::proxy(RequestClass::Invite);
    assert_eq!(case.give(SessionInput::Canceled), ["reply 487 Request Terminated", "on_canceled"]);
    assert_eq!(case.give(SessionInput::Canceled), [""; 0]);
    assert_eq!(case.give(targets(&[1])), [""; 0]);
    assert!(case.session.is_over());
}

#[test]
fn cancel_during_the_target_callback_sends_nothing() {
    let mut case = Case::proxy(RequestClass::Invite);
    case.session.handle(case.now, &mut case.blacklist, targets(&[1, 2]));
    assert!(matches!(case.session.next_action(), Some(Action::Callback(Callback::Target(_)))));
    case.session.note_canceled();
    case.session.callback_done(case.now, &mut case.blacklist, SessionRound::default());
    assert_eq!(case.give(SessionInput::Canceled), ["reply 487 Request Terminated", "on_canceled"]);
}

#[test]
fn timer_c_replies_408_and_a_late_2xx_still_passes() {
    let mut case = Case::proxy(RequestClass::Invite);
    case.give(targets(&[1]));
    assert_eq!(case.give(SessionInput::InviteTimeout), ["on_invite_timeout", "reply 408 INVITE Timeout"]);
    assert_eq!(case.give(response(200, "")), ["on_success_response", "forward 200"]);
}

#[test]
fn an_abandoned_session_only_passes_a_2xx() {
    let mut case = Case::proxy(RequestClass::Invite);
    case.give(targets(&[1, 2]));
    case.give(SessionInput::Abandoned);
    assert_eq!(case.give(response(180, "")), [""; 0]);
    assert_eq!(case.give(response(200, "")), ["on_success_response", "forward 200"]);
    assert_eq!(case.give(SessionInput::BranchEnded), [""; 0]);
    assert!(case.session.is_over());
}

#[test]
fn a_canceled_uac_gets_the_final_response() {
    let mut case = Case::new(Role::Uac, RequestClass::Invite, |_| {});
    case.give(targets(&[1, 2]));
    assert_eq!(case.give(SessionInput::Canceled), ["on_canceled"]);
    assert!(!case.session.may_answer_challenge());
    assert_eq!(case.give(response(487, "")), ["on_failure_response 487"]);
    assert!(case.session.is_over());
}

#[test]
fn a_uac_request_cancelled_before_it_is_sent_ends_with_an_error() {
    let mut case = Case::new(Role::Uac, RequestClass::Invite, |_| {});
    let end = ["on_canceled", "on_error 487 Request Terminated canceled"];
    assert_eq!(case.give(SessionInput::Canceled), end);
    assert!(case.session.is_over());
    // With a request out that never gets an answer.
    let mut case = Case::new(Role::Uac, RequestClass::Invite, |_| {});
    case.give(targets(&[1, 2]));
    assert_eq!(case.give(SessionInput::Canceled), end[..1]);
    assert_eq!(case.give(SessionInput::BranchEnded), end[1..]);
}

#[test]
fn a_2xx_to_a_uac_request_that_was_given_up_is_no_success() {
    for (class, ends) in [(RequestClass::Invite, &["end the call"][..]), (RequestClass::NonInvite, &[])] {
        let mut case = Case::new(Role::Uac, class, |_| {});
        case.give(targets(&[1]));
        case.session.note_abandoned();
        assert_eq!(case.give(response(200, "")), ends);
        assert_eq!(case.give(response(200, "")), ends);
    }
    // One that had its 2xx before has a second one from another callee.
    let mut case = Case::new(Role::Uac, RequestClass::Invite, |_| {});
    case.give(targets(&[1]));
    assert_eq!(case.give(response(200, "")), ["on_success_response"]);
    case.session.note_abandoned();
    assert_eq!(case.give(response(200, "")), ["on_success_response"]);
}

#[test]
fn no_target_is_tried_after_the_time_for_all_of_them() {
    for (class, seconds) in [(RequestClass::Invite, 120), (RequestClass::NonInvite, 32)] {
        let mut case = Case::new(Role::Uac, class, |_| {});
        case.give(targets(&[1, 2, 3]));
        let begin = case.now;
        assert_eq!(case.session.deadline(), Some(begin + Duration::from_secs(seconds)));
        case.now = begin + Duration::from_secs(seconds) - Duration::from_millis(1);
        assert_eq!(
            case.give(SessionInput::ConnectionError),
            ["on_target udp:192.0.2.1:2", "send udp:192.0.2.1:2"]
        );
        case.now += Duration::from_millis(1);
        assert_eq!(case.give(SessionInput::Timeout), ["on_error 408 Client Timeout client_timeout"]);
    }
}

#[test]
fn routing_time_counts_for_every_method_and_from_the_first_target() {
    let mut case = Case::new(Role::Uac, RequestClass::Invite, |profile| {
        profile.routing_time = Some(Duration::from_secs(5));
    });
    assert_eq!(case.session.deadline(), None);
    case.give(targets(&[1, 2]));
    assert_eq!(case.session.deadline(), Some(case.now + Duration::from_secs(5)));
    assert_eq!(
        case.give(SessionInput::BranchCutShort { to_blame: false }),
        ["on_error 408 Client Timeout client_timeout"]
    );
    assert!(!case.blacklist.any(case.now), "the target had not its whole time");
    assert!(!case.session.is_over(), "a 2xx may come still");
    assert_eq!(case.give(response(200, "")), ["on_success_response"]);
}

#[test]
fn a_target_that_had_long_enough_is_to_blame_though_its_timer_was_cut() {
    let mut case = Case::proxy(RequestClass::NonInvite);
    case.give(targets(&[1, 2]));
    let cut = SessionInput::BranchCutShort { to_blame: true };
    assert_eq!(case.give(cut), ["on_error 408 Client Timeout client_timeout"]);
    assert_eq!(case.blacklist.keys(case.now), ["udp:192.0.2.1:1"]);
}

#[test]
fn a_timer_f_above_what_clients_wait_is_the_time_for_all_targets() {
    for (seconds, limit) in [(60, 60), (4, 32)] {
        let mut case = Case::new(Role::Uac, RequestClass::NonInvite, |profile| {
            profile.timer_f = Duration::from_secs(seconds);
        });
        case.give(targets(&[1, 2]));
        assert_eq!(case.session.deadline(), Some(case.now + Duration::from_secs(limit)));
    }
}

#[test]
fn the_end_of_the_server_transaction_is_the_end_of_the_search() {
    let mut case = Case::proxy(RequestClass::NonInvite);
    case.session.set_server_end(case.now + Duration::from_secs(20));
    case.give(targets(&[1, 2]));
    assert_eq!(case.session.deadline(), Some(case.now + Duration::from_secs(20)));
    case.now += Duration::from_secs(20);
    assert_eq!(case.give(SessionInput::Timeout), ["on_error 408 Client Timeout client_timeout"]);
    // Before any target was known.
    let mut case = Case::proxy(RequestClass::NonInvite);
    assert_eq!(case.give(SessionInput::ServerEnded), ["on_error 408 Client Timeout client_timeout"]);
    assert_eq!(case.give(targets(&[1])), [""; 0]);
}
