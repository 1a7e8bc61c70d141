use std::fmt::Write as _;

use crate::trace::{Effect, Event, Outcome, ProcessIndex, What};

/// The longest cycle that is looked for, in steps.
const CYCLE_MAX: usize = 60;

/// Number of steps of it that are told.
const TOLD: usize = 12;

/// Finds what a process does over and over again: the shortest sequence of steps that its last ones repeat, and how
/// often they do. Where there is none, the steps that it makes most often.
pub(super) fn cycle(tail: &[Event], process: ProcessIndex) -> Option<String> {
    let steps: Vec<String> = tail.iter().filter(|event| event.process == process).filter_map(step).collect();
    let Some((length, times)) = period(&steps) else { return commonest(&steps) };
    let one = &steps[steps.len() - length..];
    // It begins where a transaction or a delivery does, if anything does.
    let start = one.iter().position(|step| ["deliver", "request", "begin"].iter().any(|word| step.starts_with(word)));
    let turned = one.iter().cycle().skip(start.unwrap_or(0)).take(length);
    let mut text = turned.take(TOLD).map(String::as_str).collect::<Vec<_>>().join(" -> ");
    if length > TOLD {
        let _ = write!(text, " -> {} more steps", length - TOLD);
    }
    Some(format!("{text}, {times} times in a row"))
}

/// The shortest period of the end of a sequence that is seen three times at least, and how often it is.
fn period(steps: &[String]) -> Option<(usize, usize)> {
    (1..=CYCLE_MAX.min(steps.len() / 3)).find_map(|length| {
        let last = &steps[steps.len() - length..];
        let times = steps.rchunks(length).take_while(|chunk| *chunk == last).count();
        (times >= 3).then_some((length, times))
    })
}

fn commonest(steps: &[String]) -> Option<String> {
    let mut counts: Vec<(usize, &str)> = Vec::new();
    for step in steps {
        match counts.iter_mut().find(|(_, known)| known == step) {
            Some((count, _)) => *count += 1,
            None => counts.push((1, step)),
        }
    }
    counts.sort_by_key(|(count, step)| (std::cmp::Reverse(*count), *step));
    let told: Vec<String> = counts.iter().take(TOLD / 2).map(|(count, step)| format!("{count} x {step}")).collect();
    (!told.is_empty()).then(|| told.join(", "))
}

/// Describes one step without what differs from round to round: numbers, ids, contents.
fn step(event: &Event) -> Option<String> {
    let text = match &event.what {
        What::Begin { outcome, .. } => format!("begin{}", ending(*outcome)),
        What::Statement { point, on, outcome, .. } => format!("{} {on}{}", point.name(), ending(*outcome)),
        What::Commit { outcome, effects, .. } => {
            let written: Vec<String> = effects.iter().map(written).collect();
            format!("commit ({}){}", written.join(", "), ending(*outcome))
        }
        What::Abort { .. } => "abort".to_owned(),
        What::Claim { rows, outcome, .. } if rows.is_empty() => format!("claim nothing{}", ending(*outcome)),
        What::Claim { outcome, .. } => format!("claim{}", ending(*outcome)),
        What::Settle { rows, outcome, .. } => {
            format!("settle as {}{}", rows.first().map_or("nothing", |row| row.settled.name()), ending(*outcome))
        }
        What::Acquire { sagas, outcome, .. } => {
            format!("acquire {}{}", if sagas.is_empty() { "nothing" } else { "a saga" }, ending(*outcome))
        }
        What::StoreCall { operation, outcome, .. } => format!("{operation}{}", ending(*outcome)),
        What::Publish { message, outcome, .. } => {
            format!("publish {} of {}{}", message.kind, message.subject, ending(*outcome))
        }
        What::Deliver { group, message, .. } => format!("deliver {} of {} to {group}", message.kind, message.subject),
        What::Ack { outcome, .. } => format!("ack{}", ending(*outcome)),
        What::Nack { outcome, .. } => format!("nack{}", ending(*outcome)),
        What::Subscribe { group, outcome } => format!("subscribe {group}{}", ending(*outcome)),
        What::ReceiveFailed { group, outcome } => format!("receive by {group}{}", ending(*outcome)),
        What::External { service, operation, outcome, .. } => format!("{service} {operation}{}", ending(*outcome)),
        What::Request { operation, .. } => format!("request {operation}"),
        What::Reply { accepted, .. } => format!("reply {}", if *accepted { "accepted" } else { "refused" }),
        What::DuplicateSeen { consumer, .. } => format!("{consumer} has seen it before"),
        What::Boot { .. } => "boot".to_owned(),
        What::Panic { .. } => "panic".to_owned(),
        What::Caught { .. } => "caught panic".to_owned(),
        What::Crash => "crash".to_owned(),
        _ => return None,
    };
    Some(text)
}

fn ending(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done | Outcome::DoneUnheard => "",
        Outcome::Conflict => " = conflict",
        Outcome::Unavailable => " = unavailable",
        Outcome::Rejected => " = rejected",
        Outcome::NotDoneUnheard => " = unknown",
        Outcome::BelievedDone => " = lost",
    }
}

fn written(effect: &Effect) -> String {
    match effect {
        Effect::Document { collection, body: Some(_), .. } => format!("writes {collection}"),
        Effect::Document { collection, .. } => format!("deletes {collection}"),
        Effect::Row(row) if row.after.is_some() => format!("writes {}", row.table),
        Effect::Row(row) => format!("deletes from {}", row.table),
        Effect::Staged(message) => format!("stages {}", message.kind),
        Effect::Handled { consumer, .. } => format!("{consumer} handles"),
        Effect::Failed { consumer, .. } => format!("{consumer} fails"),
        Effect::Observed { fact, .. } => fact.to_string(),
        Effect::SagaLogged { .. } => "a saga's log".to_owned(),
        _ => "writes".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use seaworthy_core::ports::Operation;

    use super::*;
    use crate::trace::TxId;

    fn event(number: u64, process: u16, what: What) -> Event {
        Event { number, at: number, process: ProcessIndex(process), incarnation: 1, task: 0, what }
    }

    #[test]
    fn the_shortest_sequence_that_repeats_is_told_from_where_it_begins() {
        let mut tail = Vec::new();
        for round in 0..5 {
            tail.push(event(round, 0, What::Begin { tx: TxId(round), outcome: Outcome::Done }));
            tail.push(event(round, 1, What::Crash));
            let on = "jobs".into();
            tail.push(event(
                round,
                0,
                What::Statement { tx: TxId(round), point: Operation::Get, on, outcome: Outcome::Done },
            ));
            tail.push(event(round, 0, What::Abort { tx: TxId(round), tried: Box::default() }));
        }
        // The run ended in the middle of a round.
        tail.push(event(9, 0, What::Begin { tx: TxId(9), outcome: Outcome::Done }));
        let told = cycle(&tail, ProcessIndex(0)).expect("it repeats");
        assert_eq!(told, "begin -> get jobs -> abort, 5 times in a row");
    }

    #[test]
    fn without_a_cycle_the_commonest_steps_are_told() {
        let tail: Vec<Event> = (0..6_u64)
            .map(|number| {
                let on = format!("table-{}", number * number).into();
                let outcome = Outcome::Done;
                event(number, 0, What::Statement { tx: TxId(1), point: Operation::Get, on, outcome })
            })
            .collect();
        assert!(cycle(&tail, ProcessIndex(0)).expect("it does something").starts_with("1 x get table-0"));
        assert_eq!(cycle(&[], ProcessIndex(0)), None);
    }
}
