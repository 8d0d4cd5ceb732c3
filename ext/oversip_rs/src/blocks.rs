//! What those who look on are told of the script: which block or event method has run, where it stands, for how long, and what it
//! has raised. It makes no object of Ruby's but what `source_location` hands out.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::Instant;

use magnus::{error::ErrorType, prelude::*, Error, Exception, RModule, RString, Ruby, Value};
use oversip::engine::{Engine, Subject};
use oversip::observed::BlockRun;

use crate::{classes::oversip_module, runtime, text};

/// Whether somebody looks on.
static OBSERVED: AtomicBool = AtomicBool::new(false);

/// So many bytes of an exception's message are told.
const MOST_OF_MESSAGE: usize = 1000;

/// An engine has begun, or has ended.
pub fn look_on(engine: Option<&Engine>) {
    OBSERVED.store(engine.is_some_and(|engine| engine.observers().is_some()), Ordering::Relaxed);
}

/// A block or event method that runs.
pub struct Begun {
    engine: Arc<Engine>,
    at: Instant,
    event: &'static str,
    file: Option<String>,
    line: u32,
}

/// A block is about to run. `None`: nobody wants to know.
pub fn begin(event: &'static str, block: Value) -> Option<Begun> {
    Begun::new(event, || Some(block))
}

/// An event method of `OverSIP::SipEvents` or another such module is about to run. `None`: nobody wants to know.
pub fn begin_event(ruby: &Ruby, module: &str, event: &'static str) -> Option<Begun> {
    Begun::new(event, || {
        let module: RModule = oversip_module(ruby).and_then(|oversip| oversip.const_get(module)).ok()?;
        module.funcall("method", (event,)).ok()
    })
}

impl Begun {
    fn new(event: &'static str, callable: impl FnOnce() -> Option<Value>) -> Option<Begun> {
        if !OBSERVED.load(Ordering::Relaxed) {
            return None;
        }
        let engine = runtime::current()?;
        // Before it runs: after a jump out of it nothing of Ruby may be called.
        let place: Option<(RString, u32)> = callable()?.funcall("source_location", ()).unwrap_or(None);
        let (file, line) = place.map_or((None, 0), |(file, line)| (file.to_string().ok(), line));
        let at = engine.now();
        Some(Begun { engine, at, event, file, line })
    }

    /// The block has ended.
    pub fn block_ended(self, subject: &Subject, result: &Result<(), Error>) {
        self.tell(subject, result.as_ref().err().and_then(raised));
    }

    /// The event method has ended; `OverSIP::Dispatcher` hands out what it has raised.
    pub fn event_ended(self, subject: &Subject, result: &Result<Value, Error>) {
        let exception = match result {
            Ok(value) => Exception::from_value(*value),
            Err(error) => raised(error),
        };
        self.tell(subject, exception);
    }

    fn tell(self, subject: &Subject, exception: Option<Exception>) {
        let Begun { engine, at, event, file, line } = self;
        let Some(observers) = engine.observers() else { return };
        let ended = engine.now();
        let raised = exception.map(|exception| (class_of(exception), message_of(exception)));
        observers.block_ran(&BlockRun {
            event,
            method: subject.method().map_or(&b""[..], |method| method.as_bytes()),
            call_id: subject.call_id(),
            file: file.as_deref().unwrap_or(""),
            line,
            began: at,
            ended,
            exception: raised.as_ref().map(|(class, message)| (&**class, &**message)),
        });
    }
}

/// `None`: the block was left by a jump.
fn raised(error: &Error) -> Option<Exception> {
    match error.error_type() {
        ErrorType::Exception(exception) => Some(*exception),
        ErrorType::Error(class, message) => class.new_instance((message.to_string(),)).ok(),
        ErrorType::Jump(_) => None,
    }
}

fn class_of(exception: Exception) -> String {
    let name: Option<RString> = exception.class().funcall("name", ()).unwrap_or(None);
    name.map(lossy).unwrap_or_default()
}

/// A class of the script's may fail to make one.
fn message_of(exception: Exception) -> String {
    let message: Option<RString> = exception.funcall("message", ()).ok();
    message.map(lossy).unwrap_or_default()
}

fn lossy(text: RString) -> String {
    let bytes = text::bytes_of(text);
    String::from_utf8_lossy(&bytes[..bytes.len().min(MOST_OF_MESSAGE)]).into_owned()
}
