//! A sequence diagram in the terminal: a lane for each process, the broker and each external service; an event a line.

use std::fmt::Write;

use smol_str::SmolStr;

use super::Style;
use crate::trace::{
    Event, ProcessIndex, Renderer, What, millis,
    width::{cut, fit},
};

/// The narrowest lane that an arrow can be drawn in.
const LANE_MIN: usize = 3;
/// The widest: longer names are cut.
const LANE_MAX: usize = 16;
/// Columns for the moment of an event.
const TIME: usize = 11;
/// Columns that words need at least, so that lanes have to be narrower.
const WORDS_MIN: usize = 12;
/// Columns between them.
const MARGINS: usize = 6;

/// Draws `events`, which are some of `trace`. Those in `shown` are marked: they show the violation.
pub(super) fn draw(trace: &[Event], events: &[&Event], shown: &[u64], renderer: &mut Renderer, style: Style) -> String {
    let lanes = Lanes::of(events, renderer, style.width.saturating_sub(TIME + MARGINS + WORDS_MIN));
    let mut text = format!("  {:>TIME$}  {}\n", "ms", style.faint(lanes.head().trim_end()));
    let rest = style.width.saturating_sub(TIME + MARGINS + lanes.columns());
    let mut chosen = events.iter().peekable();
    for event in trace {
        // Every event is rendered, because it may be the first to name something.
        let what = renderer.text(event);
        if chosen.next_if(|next| next.number == event.number).is_none() {
            continue;
        }
        let is_shown = shown.contains(&event.number);
        let mark = if is_shown { style.bad(">") } else { " ".to_owned() };
        let what = cut(&what, rest);
        let what = if is_shown { style.bad(&what) } else { what };
        let _ = writeln!(text, "{mark} {:>TIME$}  {}  {what}", millis(event.at), lanes.row(event));
    }
    text
}

/// Who takes part, from left to right.
struct Lanes {
    names: Vec<(Lane, SmolStr)>,
    width: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Lane {
    World,
    Process(ProcessIndex),
    Broker,
    External(SmolStr),
}

impl Lanes {
    /// The lanes of these events, together no wider than `columns` unless there are too many.
    fn of(events: &[&Event], renderer: &Renderer, columns: usize) -> Self {
        let mut names: Vec<(Lane, SmolStr)> = Vec::new();
        for event in events {
            let process = match event.process {
                ProcessIndex::WORLD => Lane::World,
                process => Lane::Process(process),
            };
            let who = renderer.who(event);
            let name = who.split('#').next().unwrap_or_default();
            names.push((process, name.into()));
            match other(event) {
                Some(Lane::External(service)) => names.push((Lane::External(service.clone()), service)),
                Some(lane) => names.push((lane, SmolStr::new_static("broker"))),
                None => {}
            }
        }
        names.sort();
        names.dedup();
        let longest = names.iter().map(|(_, name)| name.chars().count()).max().unwrap_or(0);
        let most = (columns / names.len().max(1)).clamp(LANE_MIN, LANE_MAX);
        Self { names, width: (longest + 2).min(most) }
    }

    fn columns(&self) -> usize {
        self.names.len() * self.width
    }

    fn head(&self) -> String {
        self.names.iter().map(|(_, name)| fit(&cut(name, self.width - 1), self.width)).collect()
    }

    fn position(&self, lane: &Lane) -> usize {
        self.names.iter().position(|(known, _)| known == lane).unwrap_or(0)
    }

    /// The lanes at one event: a mark on its own, or an arrow from one to another.
    fn row(&self, event: &Event) -> String {
        let own = match event.process {
            ProcessIndex::WORLD => Lane::World,
            process => Lane::Process(process),
        };
        let own = self.position(&own);
        let Some(other) = other(event).map(|lane| self.position(&lane)) else {
            let marks = |lane: usize| if lane == own { mark(&event.what) } else { '│' };
            return (0..self.names.len()).map(|lane| fit(&marks(lane).to_string(), self.width)).collect();
        };
        let is_incoming = matches!(event.what, What::Deliver { .. });
        let (low, high) = (own.min(other), own.max(other));
        let arrives_low = is_incoming == (own == low);
        let mut row = String::new();
        for lane in 0..self.names.len() {
            let (mark, fill) = match lane {
                _ if lane == low && arrives_low => ('◄', '─'),
                _ if lane == low => ('├', '─'),
                _ if lane == high && arrives_low => ('┤', ' '),
                _ if lane == high => ('►', ' '),
                _ if lane > low && lane < high => ('─', '─'),
                _ => ('│', ' '),
            };
            row.push(mark);
            row.extend(std::iter::repeat_n(fill, self.width - 1));
        }
        row
    }
}

/// The other end of an event that crosses from one lane to another.
fn other(event: &Event) -> Option<Lane> {
    match &event.what {
        What::Publish { .. } | What::Deliver { .. } | What::Ack { .. } | What::Nack { .. } => Some(Lane::Broker),
        What::External { service, .. } => Some(Lane::External(service.clone())),
        _ => None,
    }
}

fn mark(what: &What) -> char {
    match what {
        What::Crash | What::Panic { .. } | What::Exit { .. } => '✗',
        What::Boot { .. } => '○',
        What::Fault { .. } => '*',
        _ => '●',
    }
}
