//! Warnings: what processes say at `WARN` or above of work that they have given up, taken into the trace.
//!
//! Nobody is asked for a text unless something was given up that nobody has spoken of: a run in which nothing is costs no more than
//! one without a listener.

use std::{
    cell::RefCell,
    fmt::{self, Write as _},
    sync::{Arc, OnceLock, Weak},
};

use tracing::{
    Dispatch, Event, Level, Metadata, Subscriber,
    dispatcher::{get_default, with_default},
    field::{Field, Visit},
    level_filters::LevelFilter,
    span::{Attributes, Id, Record},
    subscriber::{Interest, NoSubscriber},
};

use super::{World, task};
use crate::trace::What;

thread_local! {
    static LISTENS: RefCell<Weak<World>> = const { RefCell::new(Weak::new()) };
}

/// Has what is said on this thread heard by a world, for as long as this lives.
pub(crate) struct Listening {
    before: Weak<World>,
}

impl Listening {
    pub(crate) fn new(world: &Arc<World>) -> Self {
        Self { before: LISTENS.replace(Arc::downgrade(world)) }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        LISTENS.set(std::mem::take(&mut self.before));
    }
}

/// Subscriber that listens beside another one, if there is one.
pub(crate) struct Hearing {
    beside: Option<Dispatch>,
}

impl Hearing {
    /// Does `work` while somebody listens, beside whoever does so already.
    pub(crate) fn beside_default<T>(work: impl FnOnce() -> T) -> T {
        // Two, of which one is used: as long as there is one subscriber only, a place that first says something on a thread
        // without any is never heard again on another.
        static ALONE: OnceLock<[Dispatch; 2]> = OnceLock::new();
        let before = get_default(|before| (!before.is::<NoSubscriber>()).then(|| before.clone()));
        match before {
            // Whoever made the run a part of his own listens already.
            Some(before) if before.is::<Self>() => work(),
            Some(before) => Self::beside(before, work),
            // A subscriber is made known to every place that says something: once is enough.
            None => {
                let alone = || Dispatch::new(Self { beside: None });
                let [alone, _] = ALONE.get_or_init(|| [alone(), alone()]);
                with_default(alone, work)
            }
        }
    }

    /// Does `work` while somebody listens, beside another subscriber.
    pub(crate) fn beside<T>(other: Dispatch, work: impl FnOnce() -> T) -> T {
        with_default(&Dispatch::new(Self { beside: Some(other) }), work)
    }
}

/// Returns `true` for what is said at `WARN` or above.
fn is_loud(metadata: &Metadata<'_>) -> bool {
    metadata.is_event() && *metadata.level() <= Level::WARN
}

impl Subscriber for Hearing {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        match &self.beside {
            Some(_) => Interest::sometimes(),
            None if is_loud(metadata) => Interest::always(),
            None => Interest::never(),
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_loud(metadata) || self.beside.as_ref().is_some_and(|beside| beside.enabled(metadata))
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        self.beside.is_none().then_some(LevelFilter::WARN)
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        // Alone it wants no spans, and is asked for none.
        self.beside.as_ref().map_or_else(|| Id::from_u64(1), |beside| beside.new_span(span))
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        if let Some(beside) = &self.beside {
            beside.record(span, values);
        }
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        if let Some(beside) = &self.beside {
            beside.record_follows_from(span, follows);
        }
    }

    fn event(&self, event: &Event<'_>) {
        if let Some(beside) = self.beside.as_ref().filter(|beside| beside.enabled(event.metadata())) {
            beside.event(event);
        }
        if is_loud(event.metadata()) {
            hear(event);
        }
    }

    fn enter(&self, span: &Id) {
        if let Some(beside) = &self.beside {
            beside.enter(span);
        }
    }

    fn exit(&self, span: &Id) {
        if let Some(beside) = &self.beside {
            beside.exit(span);
        }
    }

    fn clone_span(&self, span: &Id) -> Id {
        self.beside.as_ref().map_or_else(|| span.clone(), |beside| beside.clone_span(span))
    }

    fn try_close(&self, span: Id) -> bool {
        self.beside.as_ref().is_some_and(|beside| beside.try_close(span))
    }

    fn current_span(&self) -> tracing_core::span::Current {
        self.beside.as_ref().map_or_else(tracing_core::span::Current::none, Dispatch::current_span)
    }
}

/// Takes what a process says into the trace, if it is about something given up that nobody has spoken of.
fn hear(event: &Event<'_>) {
    let Some(whose) = task::whose() else { return };
    let Some(world) = LISTENS.with_borrow(Weak::upgrade) else { return };
    let at = world.elapsed();
    // What the simulator itself says while it has the state in hand is about no work of a process.
    let Some(mut state) = world.try_state() else { return };
    if !state.recorder.given_up.has_unsaid() {
        return;
    }
    let mut text = Text::default();
    event.record(&mut text);
    // A line may name two: what is given up, and what it waits behind.
    while let Some(about) = state.recorder.given_up.spoken_of(&text.0) {
        let text = text.0.as_str().into();
        state.recorder.record(at, whose.process, whose.incarnation, What::Said { about, text });
    }
}

/// All fields of an event, one after the other.
#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let name = if field.name() == "message" { "" } else { field.name() };
        let (space, equals) = (if self.0.is_empty() { "" } else { " " }, if name.is_empty() { "" } else { "=" });
        let _ = write!(self.0, "{space}{name}{equals}{value:?}");
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
}
