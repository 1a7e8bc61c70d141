//! A story for a person in a terminal.

mod lanes;
mod style;

use std::fmt::Write;

use self::lanes::Lanes;
pub use style::Style;

use super::{Diagram, PlanTold, Story};
use crate::trace::{millis, text::width::wrap};

/// Columns that words should have, so that lanes have to be narrower.
const WORDS: usize = 36;
/// Columns that they have at least, however wide the lanes are.
const WORDS_MIN: usize = 16;
/// Columns between them: the mark, and two on either side of the lanes.
const MARGINS: usize = 5;

impl Story {
    /// The story as text, with a sequence diagram: a lane for each process, the broker and each external service, an event
    /// a row.
    pub fn terminal(&self, style: Style) -> String {
        let Some(headline) = &self.headline else {
            return format!("{} held under seed {}: there is no failure to tell\n", self.plan.scenario, self.plan.seed);
        };
        let mut text = String::new();
        let _ = writeln!(text, "{} {}", style.bad(&style.strong("violated")), style.strong(&headline.invariant));
        paragraph(&mut text, &headline.sentence, style);
        if !self.others.is_empty() {
            let _ = writeln!(text, "  {}", style.faint(&format!("and {}", self.others.join(", "))));
        }
        plan(&mut text, &self.plan, style);
        let _ = writeln!(text, "\n{}", style.strong("what happened"));
        match &self.diagram {
            Some(diagram) => draw(&mut text, diagram, style),
            None => text.push_str("  the run kept no trace: replay it to see\n"),
        }
        text.push('\n');
        let pointers = &self.pointers;
        let lines = [
            ("plan  ", pointers.plan.as_deref()),
            ("html  ", pointers.html.as_deref()),
            ("replay", Some(&*pointers.replay)),
            ("keep  ", pointers.keep.as_deref()),
        ];
        for (name, line) in lines {
            if let Some(line) = line {
                let _ = writeln!(text, "{} {line}", style.strong(name));
            }
        }
        text
    }
}

/// A paragraph of a story: indented, and no wider than the terminal.
fn paragraph(text: &mut String, words: &str, style: Style) {
    for (index, line) in wrap(words, style.width.saturating_sub(4)).iter().enumerate() {
        let indent = if index == 0 { 2 } else { 4 };
        let _ = writeln!(text, "{:indent$}{line}", "");
    }
}

fn plan(text: &mut String, plan: &PlanTold, style: Style) {
    let _ = writeln!(text, "\n{}", style.strong("the plan"));
    let PlanTold { scenario, seed, items, schedule, faults } = plan;
    paragraph(text, &format!("{scenario}, seed {seed}, {items}; {schedule}"), style);
    if faults.is_empty() {
        let _ = writeln!(text, "  no faults: it goes wrong by itself");
    }
    for (index, fault) in faults.iter().enumerate() {
        let never = if fault.struck { "" } else { " (never struck)" };
        paragraph(text, &format!("fault {index}: {}{never}", fault.words), style);
    }
}

/// Draws a diagram. Events that show the violation are marked.
fn draw(text: &mut String, diagram: &Diagram, style: Style) {
    let time = diagram.rows.iter().map(|row| millis(row.at_us).len()).max().unwrap_or(0).max("ms".len());
    let lanes = Lanes::new(diagram, style.width.saturating_sub(time + MARGINS + WORDS));
    let words = style.width.saturating_sub(time + MARGINS + lanes.columns()).max(WORDS_MIN);
    let _ = writeln!(text, "  {:>time$}  {}", "ms", style.faint(lanes.head().trim_end()));
    for row in &diagram.rows {
        let mark = if row.shows_it { style.bad(">") } else { " ".to_owned() };
        let mut lines =
            wrap(&row.text, words).into_iter().map(|line| if row.shows_it { style.bad(&line) } else { line });
        let first = lines.next().unwrap_or_default();
        let _ = writeln!(text, "{mark} {:>time$}  {} {first}", millis(row.at_us), lanes.row(diagram, row));
        for line in lines {
            let _ = writeln!(text, "  {:>time$}  {} {line}", "", style.faint(&lanes.blank()));
        }
    }
}
