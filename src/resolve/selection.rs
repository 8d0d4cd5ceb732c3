//! The order in which the servers of a service are tried (RFC 2782).

use std::collections::BTreeMap;

use super::service::Server;

/// Hands out randomness: a number between 0 and the argument, both included, each with the same chance.
pub type Draw<'a> = dyn FnMut(u32) -> u32 + 'a;

/// All servers: those of lower priority first, and among those of equal priority each as often in front of the rest as its
/// weight says.
pub(super) fn in_order<'s>(servers: &'s [Server], draw: &mut Draw<'_>) -> Vec<&'s Server> {
    let mut groups: BTreeMap<u16, Vec<&Server>> = BTreeMap::new();
    for server in servers {
        groups.entry(server.priority).or_default().push(server);
    }
    let mut ordered = Vec::with_capacity(servers.len());
    for mut group in groups.into_values() {
        while !group.is_empty() {
            let next = pick(&group, draw);
            ordered.push(group.remove(next));
        }
    }
    ordered
}

/// One of the servers of a group that is not empty. Next to weights of `w` in sum, all those without weight together have
/// one chance in `w + 1`.
fn pick(group: &[&Server], draw: &mut Draw<'_>) -> usize {
    if group.len() == 1 {
        return 0;
    }
    let sum: u32 = group.iter().map(|server| u32::from(server.weight)).sum();
    let weightless: Vec<usize> = (0..group.len()).filter(|at| group[*at].weight == 0).collect();
    let lowest = u32::from(weightless.is_empty());
    let mut number = lowest + draw(sum - lowest);
    match weightless.as_slice() {
        [] => {}
        [only] if number == 0 => return *only,
        several if number == 0 => return several[draw(several.len() as u32 - 1) as usize],
        _ => {}
    }
    for (at, server) in group.iter().enumerate() {
        match number.checked_sub(u32::from(server.weight)) {
            Some(rest) if rest > 0 => number = rest,
            _ if server.weight == 0 => {}
            _ => return at,
        }
    }
    group.len() - 1
}

#[cfg(test)]
#[path = "selection_tests.rs"]
mod tests;
