//! Why a response of the script's does not leave.

mod element_support;

use std::sync::{Arc, Mutex};

use element_support::*;
use oversip::element::{Reply, ReplyError};
use oversip::message::{Headers, ResponseSnapshot};

type Answers = Vec<Result<(), String>>;

/// What a script is told that does these things with a request of this method, and what the client gets.
fn told(
    method: &str,
    script: impl Fn(&mut Turn<'_, '_>) -> Vec<Result<(), ReplyError>> + Send + Sync + 'static,
) -> (Answers, Vec<String>) {
    let mut world = world(1);
    let answers = Arc::new(Mutex::new(Vec::new()));
    let seen = answers.clone();
    let blocks = Blocks::new(profile()).on_request(move |turn| {
        let told = script(turn).into_iter().map(|it| it.map_err(|error| error.to_string()));
        seen.lock().expect("unharmed").extend(told);
    });
    let relay = add_relay(&mut world, RELAY, blocks);
    let alice = add_inbox(&mut world, ALICE);
    world.send(alice, request(method, "1"), address(RELAY));
    world.run_until_idle();
    assert_all_quiet(&world, relay);
    let answers = answers.lock().expect("unharmed").clone();
    (answers, story(&world, RELAY, ALICE))
}

fn reply(turn: &mut Turn<'_, '_>, status: u16) -> Result<(), ReplyError> {
    let request = turn.request().clone();
    turn.api().step(|element, now| element.reply(now, &request, Reply::new(status, b"X")))
}

fn reply_full(turn: &mut Turn<'_, '_>, status: u16) -> Result<(), ReplyError> {
    let request = turn.request().clone();
    let response =
        ResponseSnapshot { status, reason: b"X"[..].into(), headers: Headers::new(), body: b""[..].into() };
    turn.api().step(|element, now| element.reply_full(now, &request, &response))
}

fn receive_response(turn: &mut Turn<'_, '_>, status: u16) -> Result<(), ReplyError> {
    let id = turn.request().id;
    turn.api().step(|element, now| element.receive_response(now, id, status))
}

fn refused(why: &str) -> Result<(), String> {
    Err(why.to_owned())
}

#[test]
fn an_ack_is_not_answered() {
    let (answers, sent) = told("ACK", |turn| vec![reply(turn, 200), reply_full(turn, 200)]);
    assert_eq!(answers, [refused("an ACK gets no response"), refused("an ACK gets no response")]);
    assert_eq!(sent, [""; 0]);
}

#[test]
fn without_a_transaction_there_is_one_final_response() {
    let (answers, sent) = told("OPTIONS", |turn| {
        vec![receive_response(turn, 200), reply(turn, 200), reply(turn, 486), reply_full(turn, 486)]
    });
    let answered = "the request has its final response";
    assert_eq!(
        answers,
        [refused("the request has no transaction"), Ok(()), refused(answered), refused(answered)]
    );
    assert_eq!(sent, ["200"]);
}

#[test]
fn a_transaction_refuses_what_its_state_does_not_allow() {
    let (answers, sent) = told("OPTIONS", |turn| {
        let request = turn.request().clone();
        turn.api().step(|element, now| element.create_transaction(now, &request));
        vec![reply_full(turn, 404), reply(turn, 180), receive_response(turn, 200)]
    });
    let completed = "the transaction is in state completed";
    assert_eq!(answers, [Ok(()), refused(completed), refused(completed)]);
    assert_eq!(sent.len(), 1, "{sent:?}");
}
