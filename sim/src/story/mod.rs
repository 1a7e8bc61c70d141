//! What a failure looks like: the story of a violation, for a person in a terminal.
//!
//! | module | what it is |
//! |---|---|
//! | `words` | faults and schedules in words |
//! | `relevance` | which few events of the trace matter |
//! | `diagram` | those events as a sequence diagram |

mod diagram;
mod relevance;
mod words;

use std::fmt::Write;

use anstyle::AnsiColor;
use uuid::Uuid;

use crate::{
    invariants::{Mode, Violation},
    plan::Plan,
    scenario::Workload,
    trace::{Effect, Event, Renderer, What},
    world::RunReport,
};

/// How a story is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether to colour it: on a terminal, not in a pipe.
    pub color: bool,
    /// Columns of the terminal; longer lines are cut.
    pub width: usize,
}

impl Default for Style {
    fn default() -> Self {
        // Fits a log of a CI run and a terminal beside an editor.
        Self { color: false, width: 120 }
    }
}

impl Style {
    fn paint(self, style: anstyle::Style, text: &str) -> String {
        if self.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    fn bad(self, text: &str) -> String {
        self.paint(AnsiColor::Red.on_default(), text)
    }

    fn strong(self, text: &str) -> String {
        self.paint(anstyle::Style::new().bold(), text)
    }

    fn faint(self, text: &str) -> String {
        self.paint(anstyle::Style::new().dimmed(), text)
    }
}

/// Where a story's reader goes next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pointers<'a> {
    /// Where the plan was written, if it was.
    pub plan_file: Option<&'a str>,
    /// The one line to paste that replays it.
    pub replay: &'a str,
    /// The line to paste that keeps the plan for good, where it is not kept yet.
    pub keep: Option<&'a str>,
}

/// Tells what went wrong in a run: the first violated invariant, the plan in words, a sequence diagram of the few events
/// that matter, where the plan is, and the line that replays it.
///
/// The run must have kept its trace (`RunOptions::keep_trace`) for the diagram.
pub fn tell<W: Workload>(plan: &Plan<W>, report: &RunReport, pointers: Pointers<'_>, style: Style) -> String {
    let Some(violation) = report.violations.first() else {
        return format!("{} held under seed {}: there is no failure to tell\n", plan.scenario, plan.seed);
    };
    let mut text = String::new();
    let _ = writeln!(text, "{} {}", style.bad(&style.strong("violated")), style.strong(&violation.invariant));
    let about = report.trace.as_deref().and_then(|trace| introduce(trace, violation, &mut renderer(report)));
    let _ = writeln!(text, "  {}{}", violation.sentence, about.map(|about| format!(" ({about})")).unwrap_or_default());
    also(&mut text, report, violation, style);
    tell_plan(&mut text, plan, report, style);
    let _ = writeln!(text, "\n{}", style.strong("what happened"));
    match &report.trace {
        Some(trace) => {
            let found_at_the_end = report
                .judged
                .iter()
                .any(|judged| judged.invariant == violation.invariant && judged.mode == Mode::Eventually);
            let events = relevance::relevant(trace, violation, found_at_the_end);
            text.push_str(&diagram::draw(trace, &events, &violation.events, &mut renderer(report), style));
        }
        None => text.push_str("  the run kept no trace: replay it to see\n"),
    }
    text.push('\n');
    if let Some(file) = pointers.plan_file {
        let _ = writeln!(text, "{} {file}", style.strong("plan  "));
    }
    let _ = writeln!(text, "{} {}", style.strong("replay"), pointers.replay);
    if let Some(keep) = pointers.keep {
        let _ = writeln!(text, "{} {keep}", style.strong("keep  "));
    }
    text
}

fn renderer(report: &RunReport) -> Renderer {
    Renderer::new(&report.processes)
}

/// Other invariants that did not hold either, by name.
fn also(text: &mut String, report: &RunReport, violation: &Violation, style: Style) {
    let mut others: Vec<&str> = Vec::new();
    for other in report.violations.iter().map(|other| other.invariant.as_str()) {
        if other != violation.invariant && !others.contains(&other) {
            others.push(other);
        }
    }
    if !others.is_empty() {
        let _ = writeln!(text, "  {}", style.faint(&format!("and {}", others.join(", "))));
    }
}

fn tell_plan<W: Workload>(text: &mut String, plan: &Plan<W>, report: &RunReport, style: Style) {
    let _ = writeln!(text, "\n{}", style.strong("the plan"));
    let items = plan.workload.len();
    let of = if items == 1 { "item" } else { "items" };
    let schedule = words::schedule(&plan.schedule);
    let _ = writeln!(text, "  {}, seed {}, {items} {of} of work; {schedule}", plan.scenario, plan.seed);
    if plan.faults.is_empty() {
        let _ = writeln!(text, "  no faults: it goes wrong by itself");
    }
    for (index, fault) in plan.faults.iter().enumerate() {
        let struck = report.fired.iter().any(|fired| fired.index as usize == index);
        let never = if struck { "" } else { " (never struck)" };
        let _ = writeln!(text, "  fault {index}: {fault}{never}");
    }
}

/// The short name of the violation's entity and what it stands for, where the entity is an id.
fn introduce(trace: &[Event], violation: &Violation, renderer: &mut Renderer) -> Option<String> {
    let id = Uuid::parse_str(&violation.entity).ok()?;
    for event in trace {
        renderer.text(event);
    }
    let name = renderer.names().find(id)?;
    let stands_for = trace.iter().find_map(|event| match &event.what {
        What::Commit { effects, .. } => effects.iter().find_map(|effect| match effect {
            Effect::Staged(message) if message.id.0 == id => {
                Some(format!("`{}` of `{}`", message.kind, message.subject))
            }
            Effect::SagaCreated { saga, definition, key } if saga.0 == id => {
                Some(format!("saga `{}` of `{key}`", definition.name))
            }
            _ => None,
        }),
        What::Publish { message, .. } if message.id.0 == id => {
            Some(format!("`{}` of `{}`", message.kind, message.subject))
        }
        _ => None,
    });
    Some(match stands_for {
        Some(stands_for) if !violation.sentence.contains(&stands_for) => format!("{name}, {stands_for}"),
        _ => name,
    })
}
