//! The lanes of a sequence diagram in a terminal.

use smol_str::SmolStr;
use unicode_width::UnicodeWidthStr;

use super::super::{Arrow, Diagram, LaneKind, Mark, Row};
use crate::trace::text::width::{cut, fit};

/// The narrowest name that can be told from others: a letter or two and a replica's number.
const NAME_MIN: usize = 4;
/// The widest: longer names are shortened wherever the terminal ends.
const NAME_MAX: usize = 16;

/// The lanes of a diagram for which a terminal has room: its words say which store a call goes to, and that a request comes
/// from outside.
pub(super) struct Lanes {
    /// Their positions in the diagram.
    lanes: Vec<usize>,
    names: Vec<String>,
}

impl Lanes {
    /// The lanes of a diagram, together no wider than `columns` unless there are too many.
    pub(super) fn new(diagram: &Diagram, columns: usize) -> Self {
        let is_used =
            |lane: &usize| diagram.rows.iter().any(|row| row.lane == *lane || across(diagram, row) == Some(*lane));
        let lanes: Vec<usize> = (0..diagram.lanes.len()).filter(is_used).collect();
        let names: Vec<SmolStr> = lanes.iter().map(|lane| diagram.lanes[*lane].name.clone()).collect();
        Self { lanes, names: shortened(&names, columns) }
    }

    /// Columns of them all.
    pub(super) fn columns(&self) -> usize {
        (0..self.names.len()).map(|lane| self.width(lane)).sum()
    }

    /// The line above them.
    pub(super) fn head(&self) -> String {
        let before_last = self.names.len().saturating_sub(1);
        let fitted = self.names.iter().take(before_last).enumerate().map(|(lane, name)| fit(name, self.width(lane)));
        fitted.chain(self.names.last().cloned()).collect()
    }

    /// The lanes beside a line that goes on with the text of the one above.
    pub(super) fn blank(&self) -> String {
        (0..self.names.len()).map(|lane| fit("│", self.width(lane))).collect()
    }

    /// The lanes at one event: a mark on its own, or an arrow from one to another.
    pub(super) fn row(&self, diagram: &Diagram, event: &Row) -> String {
        let own = self.position(event.lane);
        let Some(other) = across(diagram, event).map(|lane| self.position(lane)) else {
            let marks = |lane: usize| if lane == own { sign(event.mark) } else { '│' };
            return (0..self.names.len()).map(|lane| fit(&marks(lane).to_string(), self.width(lane))).collect();
        };
        let is_incoming = matches!(event.arrow, Some(Arrow::From(_)));
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
            row.extend(std::iter::repeat_n(fill, self.width(lane) - 1));
        }
        row
    }

    /// Columns of one lane: its name, and room to the next. Beside the last one only the head has a name, and words begin.
    fn width(&self, lane: usize) -> usize {
        if lane + 1 == self.names.len() { 2 } else { self.names[lane].width().max(NAME_MIN) + 1 }
    }

    fn position(&self, lane: usize) -> usize {
        self.lanes.iter().position(|known| *known == lane).unwrap_or(0)
    }
}

/// The lane at the other end of an event's arrow, if a terminal draws it.
fn across(diagram: &Diagram, row: &Row) -> Option<usize> {
    let other = row.arrow?.lane();
    let kind = diagram.lanes.get(other)?.kind;
    matches!(kind, LaneKind::Broker | LaneKind::External).then_some(other)
}

fn sign(mark: Mark) -> char {
    match mark {
        Mark::Plain => '●',
        Mark::Boot => '○',
        Mark::End => '✗',
        Mark::Fault => '*',
    }
}

/// Names in as few columns as need be, and so that no two are alike.
fn shortened(names: &[SmolStr], columns: usize) -> Vec<String> {
    let before_last = names.len().saturating_sub(1);
    let room =
        |names: &[String]| names.iter().take(before_last).map(|name| name.width().max(NAME_MIN) + 1).sum::<usize>() + 2;
    for width in (NAME_MIN..=NAME_MAX).rev() {
        let short: Vec<String> = names.iter().map(|name| shorten(name, width)).collect();
        if room(&short) <= columns || width == NAME_MIN {
            return told_apart(names, short, width);
        }
    }
    names.iter().map(ToString::to_string).collect()
}

/// A name in at most `width` columns, a replica's number kept: `shipping-2` as `shi…-2`.
fn shorten(name: &str, width: usize) -> String {
    if name.width() <= width {
        return name.to_owned();
    }
    let (service, number) = match name.rsplit_once('-') {
        Some((service, number)) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => {
            (service, &name[service.len()..])
        }
        _ => (name, ""),
    };
    if number.width() + 1 > width { cut(name, width) } else { cut(service, width - number.width()) + number }
}

/// Tells apart short names that are alike: all that share one end in their position among the lanes.
fn told_apart(names: &[SmolStr], short: Vec<String>, width: usize) -> Vec<String> {
    let is_unique = |one: &String| short.iter().filter(|other| *other == one).count() == 1;
    let numbered = |(index, one): (usize, &String)| {
        if is_unique(one) {
            return one.clone();
        }
        // The end is what differs more often than the beginning.
        let from_behind: String = names[index].chars().rev().take(width - 1).collect();
        format!("…{}", from_behind.chars().rev().collect::<String>())
    };
    let ends: Vec<String> = short.iter().enumerate().map(numbered).collect();
    let ends_differ = |one: &String| ends.iter().filter(|other| *other == one).count() == 1;
    if ends.iter().all(ends_differ) {
        return ends;
    }
    let by_number =
        |(index, one): (usize, &String)| if is_unique(one) { one.clone() } else { format!("#{}", index + 1) };
    short.iter().enumerate().map(by_number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(names: &[&str], columns: usize) -> Vec<String> {
        shortened(&names.iter().map(|name| SmolStr::from(*name)).collect::<Vec<_>>(), columns)
    }

    #[test]
    fn names_are_as_long_as_the_terminal_allows_and_keep_their_numbers() {
        let names = ["orders-1", "orders-2", "shipping-1", "shipping-2", "broker", "payments"];
        assert_eq!(short(&names, 52), names);
        assert_eq!(short(&names, 42), ["orde…-1", "orde…-2", "ship…-1", "ship…-2", "broker", "paymen…"]);
        assert_eq!(short(&names, 10), ["o…-1", "o…-2", "s…-1", "s…-2", "bro…", "pay…"], "never narrower than that");
    }

    #[test]
    fn names_that_begin_alike_are_told_apart() {
        let names = ["payments-authorization", "payments-settlement", "payments-refunds"];
        for columns in [20, 30, 40, 50, 60] {
            let mut short = short(&names, columns);
            short.sort();
            short.dedup();
            assert_eq!(short.len(), 3, "{short:?}");
        }
        assert_eq!(short(&["order-intake", "order-export"], 8), ["…take", "…port"]);
    }
}
