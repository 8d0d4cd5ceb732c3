//! Orders by priority and weight, with randomness that each test hands in.

use super::*;

fn server(priority: u16, weight: u16) -> Server {
    Server { priority, weight, port: weight, addrs: Vec::new() }
}

fn servers(list: &[(u16, u16)]) -> Vec<Server> {
    list.iter().map(|(priority, weight)| server(*priority, *weight)).collect()
}

/// A generator that repeats itself for the same seed (xorshift64*).
fn seeded(seed: u64) -> impl FnMut(u32) -> u32 {
    let mut state = seed;
    move |most| {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        let random = (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) as u32;
        ((u64::from(random) * (u64::from(most) + 1)) >> 32) as u32
    }
}

/// The indices of `list` in a drawn order.
fn order(list: &[Server], draw: &mut Draw<'_>) -> Vec<usize> {
    let drawn = in_order(list, draw);
    drawn.iter().map(|one| list.iter().position(|other| std::ptr::eq(*one, other)).unwrap()).collect()
}

/// How often each server comes first in 10 000 draws.
fn firsts(list: &[Server], seed: u64) -> Vec<usize> {
    let mut counts = vec![0; list.len()];
    let mut draw = seeded(seed);
    for _ in 0..10_000 {
        counts[order(list, &mut draw)[0]] += 1;
    }
    counts
}

/// Whether a count out of 10 000 is within three standard deviations of its expectation.
fn fits(count: usize, probability: f64) -> bool {
    let (mean, variance) = (10_000.0 * probability, 10_000.0 * probability * (1.0 - probability));
    (count as f64 - mean).abs() <= 3.0 * variance.sqrt()
}

#[test]
fn lower_priorities_come_first_whatever_their_weights() {
    let list = servers(&[(65_535, 9), (0, 0), (300, 65_535), (299, 1)]);
    for seed in 1..100 {
        assert_eq!(order(&list, &mut seeded(seed)), [1, 3, 2, 0]);
    }
}

#[test]
fn weights_give_each_its_share_of_first_places() {
    let weights = [10, 20, 30, 40];
    let counts = firsts(&servers(&weights.map(|weight| (5, weight))), 2026);
    for (count, weight) in counts.iter().zip(weights) {
        assert!(fits(*count, f64::from(weight) / 100.0), "{counts:?}");
    }
}

#[test]
fn small_weights_are_not_skewed() {
    let counts = firsts(&servers(&[(0, 1), (0, 1)]), 7);
    assert!(fits(counts[0], 0.5), "{counts:?}");
    let counts = firsts(&servers(&[(0, 1), (0, 2)]), 7);
    assert!(fits(counts[0], 1.0 / 3.0), "{counts:?}");
}

#[test]
fn the_largest_weights_do_not_overflow() {
    let list = servers(&[(0, 65_535); 200]);
    assert_eq!(order(&list, &mut seeded(3)).len(), 200);
    assert_eq!(order(&list, &mut |most| most).len(), 200);
}

#[test]
fn the_second_place_is_drawn_by_weight_among_the_rest() {
    let list = servers(&[(0, 60), (0, 30), (0, 10)]);
    let mut draw = seeded(11);
    let orders: Vec<_> = (0..10_000).map(|_| order(&list, &mut draw)).collect();
    let led: Vec<_> = orders.iter().filter(|order| order[0] == 0).collect();
    let then = led.iter().filter(|order| order[1] == 1).count() as f64;
    let (mean, deviation) = (led.len() as f64 * 0.75, (led.len() as f64 * 0.75 * 0.25).sqrt());
    assert!((then - mean).abs() <= 3.0 * deviation, "{then} of {}", led.len());
}

/// RFC 2782: "very small chance of being selected first".
#[test]
fn a_server_without_weight_is_seldom_first_but_never_lost() {
    let list = servers(&[(0, 0), (0, 60), (0, 40)]);
    let counts = firsts(&list, 5);
    assert!(fits(counts[0], 1.0 / 101.0) && counts[0] > 0, "{counts:?}");
    assert!(fits(counts[1], 60.0 / 101.0), "{counts:?}");
    assert!(order(&list, &mut seeded(1)).contains(&0));
}

#[test]
fn servers_without_any_weight_share_alike() {
    let counts = firsts(&servers(&[(0, 0); 4]), 5);
    assert!(counts.iter().all(|count| fits(*count, 0.25)), "{counts:?}");
}

#[test]
fn every_order_holds_every_server_once() {
    for list in [
        vec![],
        vec![(0, 0)],
        vec![(0, 5)],
        vec![(1, 0), (1, 0)],
        vec![(1, 0), (1, 3), (2, 0), (2, 0), (0, 9)],
    ] {
        let list = servers(&list);
        for seed in 1..200 {
            let mut drawn = order(&list, &mut seeded(seed));
            drawn.sort_unstable();
            assert_eq!(drawn, (0..list.len()).collect::<Vec<_>>());
        }
    }
}

#[test]
fn extreme_draws_stay_within_the_group() {
    let list = servers(&[(0, 0), (0, 7), (0, 0), (0, 1)]);
    for draw in [|_: u32| 0, |most: u32| most] {
        let mut drawn = order(&list, &mut { draw });
        drawn.sort_unstable();
        assert_eq!(drawn, [0, 1, 2, 3]);
    }
}
