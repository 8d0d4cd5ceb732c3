//! Many calls on a bad network: each ends in a defined state at all parties, and nothing is left behind.
//!
//! `CALLS` and `SEEDS` in the environment say how many, and how often with other seeds.

mod call_network;
mod element_support;

use std::collections::BTreeMap;
use std::time::Instant;

use call_network::Over;

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn calls_over(over: Over) {
    let (calls, seeds) = (number("CALLS", 1000), number("SEEDS", 3));
    let (began, mut met) = (Instant::now(), BTreeMap::<String, usize>::new());
    for seed in 1..=seeds {
        let (outcomes, digest) = call_network::run(seed, calls as usize, over);
        println!("{over:?}, seed {seed}: {outcomes:?}, {digest}");
        for (outcome, count) in outcomes {
            *met.entry(outcome).or_default() += count;
        }
    }
    println!("{over:?}: {calls} calls, {seeds} seeds, {:?}", began.elapsed());
    // Each way of ending must have been met, or the checks prove nothing about it.
    let usual = ["caller HungUp(200)", "caller Failed(486)", "caller Failed(603)", "callee EndedByCaller"];
    let others = ["caller Failed(487)", "callee Canceled", "callee Refused(486)", "callee Refused(603)"];
    for outcome in usual.iter().chain(&others) {
        let count = met.get(*outcome).copied().unwrap_or(0);
        assert!(count as u64 >= calls * seeds / 200, "only {count} {outcome}: {met:?}");
    }
}

#[test]
fn calls_on_a_good_network() {
    calls_over(Over::Udp(0));
}

#[test]
fn calls_at_10_per_cent_loss() {
    calls_over(Over::Udp(10));
}

#[test]
fn calls_at_30_per_cent_loss() {
    calls_over(Over::Udp(30));
}

#[test]
fn calls_at_50_per_cent_loss() {
    calls_over(Over::Udp(50));
}

#[test]
fn calls_over_connections_that_break() {
    calls_over(Over::TcpThatBreaks);
}
