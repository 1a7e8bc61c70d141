use std::fmt::Write;

use super::TraceFile;
use crate::trace::{
    TraceLine, millis,
    text::width::{cut, fit},
};

/// Number of common lines that lead up to a divergence.
const BEFORE: usize = 4;
/// Number of lines of each side that follow it.
const AFTER: usize = 6;

/// The first place at which two traces differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// The number of the first event that differs.
    pub number: usize,
    /// `true` if the two sides say the same there, and differ only in payloads or real ids.
    pub only_content: bool,
    /// The last lines that both have.
    pub before: Vec<TraceLine>,
    /// The left trace from there on; empty if it ends there.
    pub left: Vec<TraceLine>,
    /// The right trace from there on; empty if it ends there.
    pub right: Vec<TraceLine>,
}

/// Finds the first event at which two traces differ, if they do.
///
/// What is compared is their [text](TraceFile::lines), as people read it, and a hash of each event.
///
/// Two traces of one scenario and seed must agree in everything. Two traces of different seeds have different ids
/// throughout, so only what their lines say is compared.
pub fn diff(left: &TraceFile, right: &TraceFile) -> Option<Divergence> {
    let (left_lines, right_lines) = (left.lines(), right.lines());
    let is_same_run = left.header.scenario == right.header.scenario && left.header.seed == right.header.seed;
    let differ = |index: &usize| match (left_lines.get(*index), right_lines.get(*index)) {
        (Some(left), Some(right)) => !says_the_same(left, right) || (is_same_run && left.hash != right.hash),
        _ => true,
    };
    let number = (0..left_lines.len().max(right_lines.len())).find(differ)?;
    let from = |lines: &[TraceLine]| lines.iter().skip(number).take(AFTER).cloned().collect();
    let only_content = match (left_lines.get(number), right_lines.get(number)) {
        (Some(left), Some(right)) => says_the_same(left, right),
        _ => false,
    };
    Some(Divergence {
        number,
        only_content,
        before: left_lines[number.saturating_sub(BEFORE)..number].to_vec(),
        left: from(&left_lines),
        right: from(&right_lines),
    })
}

fn says_the_same(left: &TraceLine, right: &TraceLine) -> bool {
    (left.at_us, &left.who, &left.what, &left.text) == (right.at_us, &right.who, &right.what, &right.text)
}

impl Divergence {
    /// Both sides beside each other, in a terminal of `width` columns.
    pub fn side_by_side(&self, width: usize) -> String {
        let mut text = format!("the traces differ at event {}", self.number);
        text.push_str(if self.only_content { ": same words, but payloads or ids differ\n" } else { "\n" });
        for line in &self.before {
            let _ = writeln!(text, "  {}", cut(&say(line), width.saturating_sub(2)));
        }
        let column = width.saturating_sub(5) / 2;
        for index in 0..self.left.len().max(self.right.len()).max(1) {
            let side = |lines: &[TraceLine]| match lines.get(index) {
                Some(line) if self.only_content && index == 0 => format!("{} #{:#018x}", say(line), line.hash),
                Some(line) => say(line),
                None if index == lines.len() => "(ends here)".to_owned(),
                None => String::new(),
            };
            let mark = if index == 0 { ">" } else { " " };
            let (left, right) = (fit(&side(&self.left), column), cut(&side(&self.right), column));
            let _ = writeln!(text, "{}", format!("{mark} {left} │ {right}").trim_end());
        }
        text
    }
}

fn say(line: &TraceLine) -> String {
    format!("{} {} {}", millis(line.at_us), line.who, line.text)
}
