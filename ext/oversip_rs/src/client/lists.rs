//! The lists of blocks of a `Client`: `on_NAME`, `clear_on_NAME`, `clear_callbacks`.

use magnus::{Error, RArray, Ruby};
use oversip::client::session::CallbackClass;

use super::object::RubyClient;

fn class_of(number: u8) -> CallbackClass {
    CallbackClass::ALL[number as usize]
}

/// `on_NAME { |...| }`: appends a block.
pub(super) fn on<const CLASS: u8>(ruby: &Ruby, this: RubyClient) -> Result<(), Error> {
    if !ruby.block_given() {
        return Err(Error::new(ruby.exception_arg_error(), "no block given"));
    }
    let block = ruby.block_proc()?;
    let slot = &this.lists[CLASS as usize];
    let list = match slot.get(ruby).and_then(RArray::from_value) {
        Some(list) => list,
        None => {
            let list = ruby.ary_new();
            slot.set(this, list);
            list
        }
    };
    list.push(block)?;
    this.shared().set_callbacks(class_of(CLASS), true);
    Ok(())
}

/// `clear_on_NAME`.
pub(super) fn clear<const CLASS: u8>(ruby: &Ruby, this: RubyClient) -> Result<(), Error> {
    this.shared().set_callbacks(class_of(CLASS), false);
    if let Some(list) = this.lists[CLASS as usize].get(ruby).and_then(RArray::from_value) {
        // In place: a callback that is running over the list ends with it.
        list.clear()?;
    }
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
