//! `OverSIP::SIP::Tags`: the marks by which this process recognises what it wrote itself.

use std::sync::{Mutex, MutexGuard, PoisonError};

use magnus::{function, prelude::*, Error, RArray, RModule, Ruby, Value};
use oversip::client::{self, ProcessTags};
use oversip::engine::system_random;
use oversip::random::Random;

use crate::{
    process,
    text::{self, utf8},
    uri::{self, UriObject},
};

/// The marks of a process, and what it draws new ones from.
struct Marks {
    process: u32,
    tags: ProcessTags,
    random: Random,
}

static MARKS: Mutex<Option<Marks>> = Mutex::new(None);

/// The marks of this process: the same as long as it lives, whether an engine runs or not. A forked child has its own.
pub fn of_process() -> ProcessTags {
    with_marks(|marks| marks.tags.clone())
}

fn with_marks<T>(run: impl FnOnce(&mut Marks) -> T) -> T {
    let mut marks = marks();
    let process = process::id();
    match &mut *marks {
        Some(marks) if marks.process == process => run(marks),
        _ => {
            let mut random = system_random();
            let tags = ProcessTags::random(&mut random);
            run(marks.insert(Marks { process, tags, random }))
        }
    }
}

/// While it lives, the marks of this process come from a seed: those of a simulation.
pub struct Seeded(Option<Marks>);

impl Seeded {
    pub fn new(seed: u64) -> Seeded {
        let mut random = Random::from_number(seed);
        let tags = ProcessTags::random(&mut random);
        Seeded(marks().replace(Marks { process: process::id(), tags, random }))
    }
}

impl Drop for Seeded {
    fn drop(&mut self) {
        *marks() = self.0.take();
    }
}

/// Only ever held here, by a thread with the GVL, so a forked child finds it free.
fn marks() -> MutexGuard<'static, Option<Marks>> {
    MARKS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `totag_for_sl_reply`.
pub fn totag_for_sl_reply() -> String {
    with_marks(|marks| marks.tags.totag_for_sl_reply(&mut marks.random))
}

/// `OverSIP::Engine.random_hex(bytes)`: twice as many digits. Of a simulation they follow from its seed.
pub fn random_hex(bytes: usize) -> String {
    with_marks(|marks| (0..bytes).map(|_| client::random_hex::<1>(&mut marks.random)).collect())
}

/// `OverSIP::Engine.random_number(most)`: from 0 to this one. Of a simulation it follows from its seed.
pub fn random_number(most: u32) -> u32 {
    with_marks(|marks| marks.random.up_to(most))
}

/// `check_totag_for_sl_reply(tag)`: 0 or nil, as a match of the prefix.
fn check_totag_for_sl_reply(tag: Value) -> Result<Option<u8>, Error> {
    if tag.is_nil() {
        return Ok(None);
    }
    Ok(of_process().check_totag_for_sl_reply(&text::text_of(tag)?).then_some(0))
}

/// `value_for_route_ovid`.
fn value_for_route_ovid() -> String {
    of_process().ovid().to_owned()
}

/// `check_value_for_route_ovid(value)`: nil for nil.
fn check_value_for_route_ovid(value: Value) -> Result<Option<bool>, Error> {
    if value.is_nil() {
        return Ok(None);
    }
    Ok(Some(of_process().check_ovid(&text::text_of(value)?)))
}

/// `create_antiloop_id(request)`: of its Request-URI, Call-ID and first Route.
fn create_antiloop_id(ruby: &Ruby, request: Value) -> Result<Value, Error> {
    if !request.respond_to("ruri", false)? {
        let complaint = "request must be a OverSIP::SIP::Request or OverSIP::SIP::UacRequest";
        return Err(Error::new(ruby.exception_type_error(), complaint));
    }
    let ruri = text::text_of(request.funcall("ruri", ())?)?;
    let call_id = text::text_of(request.funcall("call_id", ())?)?;
    let routes: Value = request.funcall("routes", ())?;
    let first: Option<Value> = RArray::from_value(routes).and_then(|routes| routes.entry(0).ok());
    let route = match first.and_then(|route| text::object_of::<UriObject>(ruby, route)) {
        Some(route) => uri::uri_text(ruby, route)?,
        None => None,
    };
    Ok(utf8(ruby, &of_process().antiloop_id(&ruri, &call_id, route.as_deref())).as_value())
}

/// Defines the module.
pub fn define(_: &Ruby, sip: RModule) -> Result<(), Error> {
    let module = sip.define_module("Tags")?;
    module.define_module_function("totag_for_sl_reply", function!(totag_for_sl_reply, 0))?;
    module.define_module_function("check_totag_for_sl_reply", function!(check_totag_for_sl_reply, 1))?;
    module.define_module_function("value_for_route_ovid", function!(value_for_route_ovid, 0))?;
    module.define_module_function("check_value_for_route_ovid", function!(check_value_for_route_ovid, 1))?;
    module.define_module_function("create_antiloop_id", function!(create_antiloop_id, 1))
}
