use smol_str::SmolStr;

use super::{Names, Renderer, event_words::millis};
use crate::trace::{Event, SpanContent, SpanRecord};

/// A trace with what its processes told `tracing` in between, line by line. The trace's own lines are those that a
/// [`Renderer`] gives without it.
///
/// A span opens with `>` and closes with `<`, how long it was open beside it; `-` is an event. Ids have the names that
/// the trace gives them.
///
/// ```
/// use seaworthy_sim::trace::{SpanContent, SpanRecord, interleave, script::Script};
///
/// let mut script = Script::new();
/// let orders = script.process("orders-1");
/// script.boot(orders);
/// let fields = vec![("claim", "7".to_owned())];
/// let what = SpanContent::Opened { name: "relay", fields };
/// let told = SpanRecord { before: 1, at: 1_500, process: orders, incarnation: 1, depth: 0, what };
/// assert_eq!(
///     interleave(&script.processes(), &script.events(), &[told]),
///     ["       1.000 ms  orders-1#1      boots", "       1.500 ms  orders-1#1      > relay claim=7"],
/// );
/// ```
pub fn interleave(processes: &[SmolStr], events: &[Event], told: &[SpanRecord]) -> Vec<String> {
    let mut renderer = Renderer::new(processes);
    // All of them first: they alone give the names.
    let lines: Vec<String> = events.iter().map(|event| renderer.line(event)).collect();
    let mut told = told.iter().peekable();
    let mut all = Vec::with_capacity(lines.len() + told.len());
    for (event, line) in events.iter().zip(lines) {
        while let Some(earlier) = told.next_if(|told| told.before <= event.number) {
            all.push(say(earlier, &renderer));
        }
        all.push(line);
    }
    all.extend(told.map(|told| say(told, &renderer)));
    all
}

fn say(told: &SpanRecord, renderer: &Renderer) -> String {
    let who = renderer.name(told.process, told.incarnation);
    let names = renderer.names();
    let text = match &told.what {
        SpanContent::Opened { name, fields } => format!("> {name}{}", list(fields, names)),
        SpanContent::Closed { name, open_us } => format!("< {name} {} ms", millis(*open_us)),
        SpanContent::Event { level, message, fields } => {
            format!("- {level}: {}{}", names.known_in(message), list(fields, names))
        }
    };
    format!("{:>12} ms  {who:<14}  {:indent$}{text}", millis(told.at), "", indent = 2 * told.depth)
}

fn list(fields: &[(&'static str, String)], names: &Names) -> String {
    let mut list = String::new();
    for (name, value) in fields {
        let value = names.known_in(value);
        let quote = if value.contains(char::is_whitespace) || value.is_empty() { "\"" } else { "" };
        list += &format!(" {name}={quote}{value}{quote}");
    }
    list
}
