//! What a failure looks like: the story of a violation, for a person in a terminal.
//!
//! | module | what it is |
//! |---|---|
//! | `words` | faults and schedules in words |
//! | `lineage` | which events led to which |
//! | `relevance` | which few events of the trace matter |
//! | `lanes`, `diagram` | those events as a sequence diagram |
//! | `style` | colour, and how wide the terminal is |

mod diagram;
mod lanes;
mod lineage;
mod relevance;
mod style;
mod words;

pub use style::Style;

use std::fmt::Write;

use crate::{
    invariants::{Mode, Violation},
    plan::{Plan, Workload, counted},
    trace::{Effect, Event, Names, Renderer, What, width::wrap},
    world::RunReport,
};

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
    let mut renderer = renderer(report);
    // Drawn first, because ids have their names in the order of the trace.
    let diagram = report.trace.as_deref().map(|trace| {
        let found_at_the_end = report
            .judged
            .iter()
            .any(|judged| judged.invariant == violation.invariant && judged.mode == Mode::Eventually);
        let events = relevance::relevant(trace, &plan.faults, &report.processes, violation, found_at_the_end);
        diagram::draw(trace, &events, &violation.events, &mut renderer, style)
    });
    let mut text = String::new();
    let _ = writeln!(text, "{} {}", style.bad(&style.strong("violated")), style.strong(&violation.invariant));
    let about = report.trace.as_deref().and_then(|trace| introduce(trace, violation, renderer.names()));
    let about = about.map(|about| format!(" ({about})")).unwrap_or_default();
    paragraph(&mut text, &format!("{}{about}", renderer.abbreviate(&violation.sentence)), style);
    also(&mut text, report, violation, style);
    tell_plan(&mut text, plan, report, style);
    let _ = writeln!(text, "\n{}", style.strong("what happened"));
    text.push_str(diagram.as_deref().unwrap_or("  the run kept no trace: replay it to see\n"));
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
    let names = report.trace.as_deref().map(Names::of).unwrap_or_default();
    Renderer::new(&report.processes).with_names(names)
}

/// A paragraph of a story: indented, and no wider than the terminal.
fn paragraph(text: &mut String, words: &str, style: Style) {
    for (index, line) in wrap(words, style.width.saturating_sub(4)).iter().enumerate() {
        let indent = if index == 0 { 2 } else { 4 };
        let _ = writeln!(text, "{:indent$}{line}", "");
    }
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
    let items = counted(plan.workload.len() as u64, W::noun());
    let schedule = words::schedule(&plan.schedule);
    paragraph(text, &format!("{}, seed {}, {items}; {schedule}", plan.scenario, plan.seed), style);
    if plan.faults.is_empty() {
        let _ = writeln!(text, "  no faults: it goes wrong by itself");
    }
    for (index, fault) in plan.faults.iter().enumerate() {
        let struck = report.fired.iter().any(|fired| fired.index as usize == index);
        let never = if struck { "" } else { " (never struck)" };
        paragraph(text, &format!("fault {index}: {fault}{never}"), style);
    }
}

/// The short name of the violation's entity and what it stands for, where the entity is an id.
fn introduce(trace: &[Event], violation: &Violation, names: &Names) -> Option<String> {
    let id = violation.entity.id()?;
    let name = names.find(id)?;
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
