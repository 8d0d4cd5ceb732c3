//! The trace for Ruby: its rows as text.

use magnus::{function, prelude::*, Error, RModule, RString, Ruby};
use oversip::engine::TraceQuery;

use crate::{gvl::without_gvl, runtime, text};

/// `OverSIP::Engine.trace_rows(last, call_id, since)`: the first row and those of the last calls, of one call, or after a number; nil
/// asks for all. Whoever adds to the trace waits for a short copy at most.
fn trace_rows(
    ruby: &Ruby,
    last: Option<usize>,
    call_id: Option<RString>,
    since: Option<u64>,
) -> Result<RString, Error> {
    let engine = runtime::engine(ruby)?;
    let call_id = call_id.map(|name| text::bytes_of(name).to_vec());
    let query = TraceQuery { last, call_id, since: since.unwrap_or(0) };
    let read = || engine.trace_text(&query);
    let rows = without_gvl(ruby, read, || ())?;
    let rows = rows.ok_or_else(|| text::runtime_error(ruby, "there is no trace: `trace: enabled` is no"))?;
    Ok(text::utf8(ruby, &rows))
}

/// Adds the function to `OverSIP::Engine`.
pub fn define(_: &Ruby, oversip: RModule) -> Result<(), Error> {
    let engine = oversip.define_module("Engine")?;
    engine.define_singleton_method("trace_rows", function!(trace_rows, 3))
}
