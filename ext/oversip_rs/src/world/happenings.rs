//! What the element of a world does that no message shows, as Ruby sees it.

use magnus::{prelude::*, Error, RArray, Ruby};
use oversip::element::Happening;

use super::object::RubyWorld;
use crate::{happenings, text};

/// `happenings(from)`: from a number on. Each is `[at, kind, details]`.
pub(super) fn happenings(ruby: &Ruby, this: RubyWorld, from: usize) -> Result<RArray, Error> {
    let host = this.host(ruby)?;
    let new: Vec<(f64, Happening)> = {
        let world = host.world();
        let kept = world.element(host.element).happenings();
        let timed = |(at, what): &(_, Happening)| (world.time_of(*at).as_secs_f64(), what.clone());
        kept.map(|kept| kept.from(from).map(timed).collect()).unwrap_or_default()
    };
    happenings::rows(ruby, &new)
}

/// `blacklist`: the targets on it.
pub(super) fn blacklist(ruby: &Ruby, this: RubyWorld) -> Result<RArray, Error> {
    let host = this.host(ruby)?;
    let listed = host.world().step_element(host.element, |element, now| element.blacklisted(now));
    Ok(ruby.ary_from_iter(listed.iter().map(|target| {
        let text = text::utf8(ruby, target.as_bytes());
        text.freeze();
        text
    })))
}
