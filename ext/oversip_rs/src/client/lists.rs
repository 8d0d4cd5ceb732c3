//! The lists of blocks of a `Client`: `on_NAME`, `clear_on_NAME`, `clear_callbacks`.

use magnus::{prelude::*, Error, RArray, Ruby, Value};
use oversip::client::session::CallbackClass;

use super::object::RubyClient;

fn class_of(number: u8) -> CallbackClass {
    CallbackClass::ALL[number as usize]
}

/// `on_NAME { |...| }`: appends a block. Most lists have one block for as long as the engine keeps the Client: that one is kept
/// without an Array.
pub(super) fn on<const CLASS: u8>(ruby: &Ruby, this: RubyClient) -> Result<(), Error> {
    if !ruby.block_given() {
        return Err(Error::new(ruby.exception_arg_error(), "no block given"));
    }
    let block = ruby.block_proc()?;
    let slot = &this.lists[CLASS as usize];
    match slot.get(ruby) {
        None => slot.set(this, block),
        Some(one) => match RArray::from_value(one) {
            Some(list) => list.push(block)?,
            None => slot.set(this, ruby.ary_new_from_values(&[one, block.as_value()])),
        },
    }
    this.shared().set_callbacks(class_of(CLASS), true);
    Ok(())
}

/// The block at a place of a list, which blocks that run may change.
pub(super) fn block_at(
    ruby: &Ruby,
    this: RubyClient,
    class: CallbackClass,
    index: usize,
) -> Result<Option<Value>, Error> {
    let Some(one) = this.lists[class as usize].get(ruby) else { return Ok(None) };
    match RArray::from_value(one) {
        Some(list) if index < list.len() => list.entry(index as isize).map(Some),
        Some(_) => Ok(None),
        None => Ok(Some(one).filter(|_| index == 0)),
    }
}

/// `clear_on_NAME`. A callback that is running over the list ends with it.
pub(super) fn clear<const CLASS: u8>(_: &Ruby, this: RubyClient) -> Result<(), Error> {
    this.shared().set_callbacks(class_of(CLASS), false);
    this.lists[CLASS as usize].clear();
    Ok(())
}

pub(super) fn clear_callbacks(ruby: &Ruby, this: RubyClient) -> Result<(), Error> {
    clear::<0>(ruby, this)?;
    clear::<1>(ruby, this)?;
    clear::<2>(ruby, this)?;
    clear::<3>(ruby, this)?;
    clear::<4>(ruby, this)?;
    clear::<5>(ruby, this)?;
    clear::<6>(ruby, this)
}
