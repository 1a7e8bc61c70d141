//! What an operator hears: events of the log at WARN and above, kept for a look.

use std::{
    fmt::{self, Write},
    sync::{Arc, LazyLock, Mutex},
};

use tracing::{
    Dispatch, Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
    subscriber::{DefaultGuard, set_default},
};

/// Another that listens to nothing. Where there is only one, an event that is first met on another thread, by a test that
/// does not listen, counts as one that nobody wants to hear.
static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(Lines::up_to(Level::WARN)));

/// Lines that were said at WARN or ERROR, or as far as was asked for, on this thread while this is held.
pub(crate) struct Warnings {
    lines: Lines,
    _heard: DefaultGuard,
}

impl Warnings {
    /// Listens from now on.
    pub(crate) fn listen() -> Self {
        Self::listen_up_to(Level::WARN)
    }

    /// The same of all levels up to this one.
    pub(crate) fn listen_up_to(level: Level) -> Self {
        LazyLock::force(&SECOND);
        let lines = Lines::up_to(level);
        let _heard = set_default(lines.clone());
        Self { lines, _heard }
    }

    /// Lines so far, a line each: fields as `name=value`.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.said.lock().expect("no test panics with it in hand").clone()
    }
}

#[derive(Clone)]
struct Lines {
    said: Arc<Mutex<Vec<String>>>,
    level: Level,
}

impl Lines {
    fn up_to(level: Level) -> Self {
        Self { said: Arc::default(), level }
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, "{}={value:?} ", field.name()).expect("a string takes everything");
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.level
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.said.lock().expect("no test panics with it in hand").push(line.0);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}
