//! The decisions of one `route`, without clock, sockets or Ruby.

#[path = "support/policy.rs"]
mod policy;
#[path = "support/profile.rs"]
mod profile;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oversip::client::session::{Action, Callback, RequestClass, Role, Session, SessionInput, SessionRound};
use oversip::client::{Blacklist, Failure, IncomingResponse, Profile, RouteError};
use oversip::message::Message;
use oversip::resolve::{ResolveError, Target};
use oversip::transport::{Source, Transport};

/// 64*T1.
const PATIENCE: Duration = Duration::from_secs(32);

struct Case {
    session: Session,
    now: Instant,
    blacklist: Blacklist,
}

impl Case {
    fn new(role: Role, class: RequestClass, change: impl Fn(&mut Profile)) -> Case {
        let mut profile = profile::profile(policy::policy());
        change(&mut profile);
        let session = Session::new(role, class, Arc::new(profile), PATIENCE);
        Case { session, now: Instant::now(), blacklist: Blacklist::new() }
    }

    fn proxy(class: RequestClass) -> Case {
        Case::new(Role::Proxy, class, |_| {})
    }

    /// Gives an input to the session and lists its actions; callbacks end without a decision.
    fn give(&mut self, input: SessionInput) -> Vec<String> {
        self.give_with(input, |_| SessionRound::default())
    }

    fn give_with(&mut self, input: SessionInput, round: impl Fn(&str) -> SessionRound) -> Vec<String> {
        self.session.handle(self.now, &mut self.blacklist, input);
        let mut seen = Vec::new();
        while let Some(action) = self.session.next_action() {
            let text = describe(&action);
            if matches!(action, Action::Callback(_)) {
                self.session.callback_done(self.now, &mut self.blacklist, round(&text));
            }
            seen.push(text);
        }
        seen
    }
}

fn describe(action: &Action) -> String {
    match action {
        Action::Callback(Callback::Provisional(_)) => "on_provisional_response".into(),
        Action::Callback(Callback::Success(_)) => "on_success_response".into(),
        Action::Callback(Callback::Failure(_, status)) => format!("on_failure_response {status}"),
        Action::Callback(Callback::Canceled) => "on_canceled".into(),
        Action::Callback(Callback::InviteTimeout) => "on_invite_timeout".into(),
        Action::Callback(Callback::Error(failure)) => {
            format!("on_error {} {} {}", failure.status, failure.reason, failure.code)
        }
        Action::Callback(Callback::Target(target)) => format!("on_target {target}"),
        Action::Send(target) => format!("send {target}"),
        Action::AskProbe(target) => format!("ask for the probe of {target}"),
        Action::SendOverFlow => "send over the flow".into(),
        Action::Forward(_, status) => format!("forward {status}"),
        Action::EndCall(_) => "end the call".into(),
        Action::Reply { status, reason } => format!("reply {status} {reason}"),
    }
}

fn target(port: u16) -> Target {
    Target::new(Transport::Udp, [192, 0, 2, 1].into(), port)
}

fn targets(ports: &[u16]) -> SessionInput {
    SessionInput::Targets(ports.iter().copied().map(target).collect())
}

fn response(status: u16, more: &str) -> SessionInput {
    let text = format!(
        "SIP/2.0 {status} X\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\n\
         Call-ID: c\r\nCSeq: 1 INVITE\r\n{more}\r\n"
    );
    let (message, _) = Message::parse(Bytes::from(text)).expect("a valid response");
    let address = "192.0.2.1:5060".parse().expect("an address");
    let source = Source {
        transport: Transport::Udp,
        remote: address,
        local: address,
        connection: None,
        inbound: true,
    };
    SessionInput::Response(Arc::new(IncomingResponse { message, source }))
}

const DROP: SessionRound = SessionRound { dropped: true, aborted: false };

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
fn a_503_moves_on_and_leaves_a_proxy_as_500() {
    let mut case = Case::proxy(RequestClass::Invite);
    case.give(targets(&[1, 2]));
    assert_eq!(case.give(response(503, "")), ["on_target udp:192.0.2.1:2", "send udp:192.0.2.1:2"]);
    assert!(!case.blacklist.any(case.now), "a plain 503 makes no entry");
    assert_eq!(case.give(response(503, "")), ["on_failure_response 503", "forward 500"]);
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
fn without_failover_the_blocks_of_a_proxy_see_500_for_503() {
    let mut case =
        Case::new(Role::Proxy, RequestClass::Invite, |profile| profile.dns_failover_on_503 = false);
    case.give(targets(&[1, 2]));
    assert_eq!(case.give(response(503, "")), ["on_failure_response 500", "forward 500"]);
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
