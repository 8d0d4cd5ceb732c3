//! What those who look on are told of the script: which block or event method has run, where it stands, for how long, and what it
//! has raised. Of Ruby's methods it calls `source_location`, and `message` and the name of the class of what was raised: these may be
//! the script's.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use magnus::{error::ErrorType, prelude::*, value::LazyId, Error, Exception, RModule, RString, Ruby, Value};
use oversip::engine::{Engine, Observers, Subject};
use oversip::observed::BlockRun;

use crate::{classes::oversip_module, runtime, text};

/// Whether somebody wants to know which blocks run.
static OBSERVED: AtomicBool = AtomicBool::new(false);

/// So many bytes of an exception's message are told.
const MOST_OF_MESSAGE: usize = 1000;

/// An engine has begun, or has ended.
pub fn look_on(engine: Option<&Engine>) {
    let followed = engine.and_then(Engine::observers).is_some_and(Observers::follow_calls);
    OBSERVED.store(followed, Ordering::Relaxed);
}

/// An event method is looked for again after this time: a script may have defined it anew.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

static SOURCE_LOCATION: LazyId = LazyId::new("source_location");

/// Where a block stands.
#[derive(Clone)]
struct SourceLocation {
    file: Arc<str>,
    line: u32,
}

/// Module and name of an event method, and where it has been found at that time.
struct KnownEvent {
    name: (&'static str, &'static str),
    at: Instant,
    place: SourceLocation,
}

/// Where the event methods stand that have run. Taken with the GVL alone.
static EVENTS: Mutex<Vec<KnownEvent>> = Mutex::new(Vec::new());

/// A block or event method that runs.
pub struct Begun {
    engine: Arc<Engine>,
    at: Instant,
    event: &'static str,
    place: SourceLocation,
}

/// A block is about to run. `None`: nobody wants to know.
pub fn begin(event: &'static str, block: Value) -> Option<Begun> {
    Begun::new(event, |_| place_of(block))
}

/// An event method of `OverSIP::SipEvents` or another such module is about to run. `None`: nobody wants to know.
pub fn begin_event(ruby: &Ruby, module: &'static str, event: &'static str) -> Option<Begun> {
    Begun::new(event, |now| {
        let name = (module, event);
        let is_fresh =
            |known: &&KnownEvent| known.name == name && now.saturating_duration_since(known.at) < LOOK_AGAIN;
        if let Some(known) = lock(&EVENTS).iter().find(is_fresh) {
            return known.place.clone();
        }
        let module: Result<RModule, _> = oversip_module(ruby).and_then(|it| it.const_get(module));
        let method = module.and_then(|module| module.funcall::<_, _, Value>("method", (event,)));
        let place = method.map_or_else(|_| nowhere(), place_of);
        let mut events = lock(&EVENTS);
        events.retain(|known| known.name != name);
        events.push(KnownEvent { name, at: now, place: place.clone() });
        place
    })
}

fn nowhere() -> SourceLocation {
    SourceLocation { file: "".into(), line: 0 }
}

/// Blocks one after the other often stand in one file: its name is kept.
fn place_of(callable: Value) -> SourceLocation {
    static LAST: Mutex<Option<Arc<str>>> = Mutex::new(None);
    let found: Option<(RString, u32)> = callable.funcall(*SOURCE_LOCATION, ()).unwrap_or(None);
    let Some((file, line)) = found else { return nowhere() };
    let mut last = lock(&LAST);
    let file = match &*last {
        Some(last) if text::same_bytes(file, last.as_bytes()) => last.clone(),
        // Ruby has some of its own methods in Ruby, from 3.3 on those of Queue too: these stand in no script.
        _ if text::begins_with(file, b"<internal:") => return nowhere(),
        _ => last.insert(lossy(file).into()).clone(),
    };
    SourceLocation { file, line }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Begun {
    fn new(event: &'static str, place: impl FnOnce(Instant) -> SourceLocation) -> Option<Begun> {
        if !OBSERVED.load(Ordering::Relaxed) {
            return None;
        }
        let engine = runtime::current()?;
        let at = engine.now();
        // Before it runs: after a jump out of it nothing of Ruby may be called.
        let place = place(at);
        Some(Begun { engine, at, event, place })
    }

    /// The block has ended with this. An error: a jump out of the exception's methods, which takes the place of the result.
    pub fn block_ended(self, subject: &Subject, result: Result<(), Error>) -> Result<(), Error> {
        let exception = result.as_ref().err().map_or(Ok(None), raised)?;
        self.tell(subject, exception);
        result
    }

    /// The event method has ended with this; `OverSIP::Dispatcher` hands out what it has raised. An error as of a block.
    pub fn event_ended(self, subject: &Subject, result: Result<Value, Error>) -> Result<Value, Error> {
        let exception = match &result {
            Ok(value) => Exception::from_value(*value).map(described).transpose()?,
            Err(error) => raised(error)?,
        };
        self.tell(subject, exception);
        result
    }

    fn tell(self, subject: &Subject, exception: Option<Described>) {
        let Begun { engine, at, event, place } = self;
        let Some(observers) = engine.observers() else { return };
        observers.block_ran(&BlockRun {
            event,
            method: subject.method().map_or(&b""[..], |method| method.as_bytes()),
            call_id: subject.call_id(),
            file: &place.file,
            line: place.line,
            began: at,
            ended: engine.now(),
            exception: exception.as_ref().map(|(class, message)| (&**class, &**message)),
        });
    }
}

/// Class and message of an exception.
type Described = (String, String);

/// `None`: the block was left by a jump.
fn raised(error: &Error) -> Result<Option<Described>, Error> {
    match error.error_type() {
        ErrorType::Exception(exception) => described(*exception).map(Some),
        ErrorType::Error(class, message) => {
            Ok(Some((answer_of(class.as_value(), "name")?, message.to_string())))
        }
        ErrorType::Jump(_) => Ok(None),
    }
}

fn described(exception: Exception) -> Result<Described, Error> {
    Ok((answer_of(exception.class().as_value(), "name")?, answer_of(exception.as_value(), "message")?))
}

/// A class of the script's may have made this method anew: it may fail, and the text is empty then. An end of the thread or a
/// `throw` in it goes on.
fn answer_of(object: Value, method: &str) -> Result<String, Error> {
    match object.funcall::<_, _, Option<RString>>(method, ()) {
        Ok(answer) => Ok(answer.map(lossy).unwrap_or_default()),
        Err(error) if matches!(error.error_type(), ErrorType::Jump(_)) => Err(error),
        Err(_) => Ok(String::new()),
    }
}

fn lossy(text: RString) -> String {
    let bytes = text::bytes_of(text);
    String::from_utf8_lossy(&bytes[..bytes.len().min(MOST_OF_MESSAGE)]).into_owned()
}
