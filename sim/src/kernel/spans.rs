//! Spans and events that the processes of a run tell `tracing`, kept with virtual time.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use smol_str::SmolStr;
use tracing::{
    Event, Metadata, Span, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

use crate::executor::Time;
use crate::trace::{ProcessIndex, SpanContent, SpanRecord, VirtualTime};

/// The span around each task of a process, which says whose the spans and events within are.
const PROCESS: &str = "seaworthy_sim::process";

pub(crate) fn process_span(process: ProcessIndex, incarnation: u32) -> Span {
    tracing::error_span!(target: PROCESS, parent: None, "process", process = process.0, incarnation)
}

/// Takes down what is told. The recorder says how many events the trace has meanwhile, so that both can be laid side by
/// side.
#[derive(Default)]
pub(crate) struct SpanBook {
    time: OnceLock<Time>,
    events: AtomicU64,
    told: Mutex<Vec<SpanRecord>>,
}

impl SpanBook {
    /// From here on virtual time is known; before, it is zero.
    pub(crate) fn start(&self, time: Time) {
        let _ = self.time.set(time);
    }

    /// The trace has grown.
    pub(crate) fn passed(&self, events: u64) {
        self.events.store(events, Ordering::Relaxed);
    }

    /// Takes the records so far.
    pub(crate) fn take(&self) -> Vec<SpanRecord> {
        std::mem::take(&mut *self.told())
    }

    fn told(&self) -> MutexGuard<'_, Vec<SpanRecord>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> VirtualTime {
        self.time.get().map_or(0, |time| time.elapsed().as_micros() as u64)
    }

    /// Takes one thing down, and says where.
    fn take_down(&self, place: Place, what: SpanContent) -> usize {
        let Place { process, incarnation, depth } = place;
        let mut told = self.told();
        let before = self.events.load(Ordering::Relaxed);
        told.push(SpanRecord { before, at: self.now(), process, incarnation, depth, what });
        told.len() - 1
    }
}

/// Origin of a record: process, incarnation, and how many spans are around it.
#[derive(Clone, Copy)]
struct Place {
    process: ProcessIndex,
    incarnation: u32,
    depth: usize,
}

impl Place {
    const OUTSIDE: Self = Self { process: ProcessIndex::WORLD, incarnation: 0, depth: 0 };
}

/// Open span: the place of what is within, when it opened, and where that is written.
struct OpenSpan {
    within: Place,
    at: VirtualTime,
    line: Option<usize>,
}

/// Hands everything but the simulator's own to the book.
pub(crate) struct SpanLayer(pub(crate) Arc<SpanBook>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for SpanLayer {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        !metadata.target().starts_with("madsim")
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let open = if span.metadata().target() == PROCESS {
            let within = Place { process: fields.process, incarnation: fields.incarnation, depth: 0 };
            OpenSpan { within, at: self.0.now(), line: None }
        } else {
            let place = span.parent().map_or(Place::OUTSIDE, |parent| within(&parent));
            let line = self.0.take_down(place, SpanContent::Opened { name: span.name(), fields: fields.others });
            OpenSpan { within: Place { depth: place.depth + 1, ..place }, at: self.0.now(), line: Some(line) }
        };
        span.extensions_mut().insert(open);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut added = Fields::default();
        values.record(&mut added);
        let line = span.extensions().get::<OpenSpan>().and_then(|open| open.line);
        if let Some(line) = line
            && let Some(SpanRecord { what: SpanContent::Opened { fields, .. }, .. }) = self.0.told().get_mut(line)
        {
            fields.append(&mut added.others);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let place = context.event_span(event).map_or(Place::OUTSIDE, |span| within(&span));
        let mut fields = Fields { text: Some(String::new()), ..Fields::default() };
        event.record(&mut fields);
        let level = SmolStr::from(event.metadata().level().as_str().to_ascii_lowercase());
        self.0.take_down(
            place,
            SpanContent::Event { level, message: fields.text.unwrap_or_default(), fields: fields.others },
        );
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let extensions = span.extensions();
        if let Some(OpenSpan { within, at, line: Some(_) }) = extensions.get() {
            let place = Place { depth: within.depth.saturating_sub(1), ..*within };
            let open_us = self.0.now().saturating_sub(*at);
            self.0.take_down(place, SpanContent::Closed { name: span.name(), open_us });
        }
    }
}

fn within<'a, R: LookupSpan<'a>>(span: &tracing_subscriber::registry::SpanRef<'a, R>) -> Place {
    span.extensions().get::<OpenSpan>().map_or(Place::OUTSIDE, |open| open.within)
}

/// The fields of a span or an event: an event's text, whose it is if it is a process's own span, and the others in words.
struct Fields {
    /// The first field `message` of an event; where a span or an event has another one, it is the id of a message.
    text: Option<String>,
    process: ProcessIndex,
    incarnation: u32,
    others: Vec<(&'static str, String)>,
}

impl Default for Fields {
    fn default() -> Self {
        Self { text: None, process: ProcessIndex::WORLD, incarnation: 0, others: Vec::new() }
    }
}

impl Visit for Fields {
    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "process" => self.process = ProcessIndex(u16::try_from(value).unwrap_or(u16::MAX)),
            "incarnation" => self.incarnation = u32::try_from(value).unwrap_or(u32::MAX),
            _ => {}
        }
        self.record_debug(field, &value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let value = format!("{value:?}");
        match &mut self.text {
            Some(text) if field.name() == "message" && text.is_empty() => *text = value,
            _ => self.others.push((field.name(), value)),
        }
    }
}
