use std::{collections::BTreeMap, fmt::Write};

use seaworthy_core::ids::MessageId;
use smol_str::SmolStr;

use super::{
    Names,
    event_words::{ending, headers, millis, say_all, spaced},
};
use crate::trace::{Effect, Event, KeptRows, Outcome, ProcessIndex, What};

/// Says each event of a trace in one line, the same on every machine.
///
/// ```
/// use seaworthy_sim::trace::{Outcome, Renderer, script::{self, Script}};
///
/// let confirmed = script::message(1, "orders", "order-17");
/// let mut script = Script::new();
/// let orders = script.process("orders-1");
/// script.commit(orders, "orders", Outcome::DoneUnheard, [script::staged(&confirmed)]);
///
/// let mut renderer = Renderer::new(&script.processes());
/// assert_eq!(
///     renderer.line(&script.events()[0]),
///     "       1.000 ms  orders-1#1      commit t1 on orders: stages m1 scripted.event of order-17 = done, unheard",
/// );
/// ```
#[derive(Clone, Debug)]
pub struct Renderer {
    processes: Vec<SmolStr>,
    names: Names,
    /// The message of each row of an outbox that was claimed, by store and number.
    rows: BTreeMap<(SmolStr, u64), MessageId>,
    /// The newest release that was booted.
    release: u32,
}

impl Renderer {
    /// A renderer for a run of these processes (`RunReport::processes`).
    pub fn new(processes: &[SmolStr]) -> Self {
        Self { processes: processes.to_vec(), names: Names::new(), rows: BTreeMap::new(), release: 1 }
    }

    /// A renderer that begins with these names.
    #[must_use]
    pub fn with_names(mut self, names: Names) -> Self {
        self.names = names;
        self
    }

    /// A text with the names that ids have here.
    pub fn abbreviate(&mut self, text: &str) -> String {
        self.names.abbreviate(text)
    }

    /// The names that it has given so far.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// The whole line: moment, whose event it is, and what happened.
    pub fn line(&mut self, event: &Event) -> String {
        let (who, text) = (self.who(event), self.text(event));
        format!("{:>12} ms  {who:<14}  {text}", millis(event.at))
    }

    /// Returns the name and the incarnation of the process that an event belongs to.
    pub fn who(&self, event: &Event) -> SmolStr {
        self.name(event.process, event.incarnation)
    }

    pub(super) fn name(&self, process: ProcessIndex, incarnation: u32) -> SmolStr {
        match process {
            ProcessIndex::WORLD => self.process(process),
            process => SmolStr::from(format!("{}#{incarnation}", self.process(process))),
        }
    }

    /// The name of a process, whatever its incarnation.
    pub(crate) fn process(&self, process: ProcessIndex) -> SmolStr {
        match self.processes.get(usize::from(process.0)) {
            _ if process == ProcessIndex::WORLD => SmolStr::new_static("world"),
            Some(name) => name.clone(),
            None => SmolStr::from(format!("process {}", process.0)),
        }
    }

    /// Returns the text of an event. Events must come in the order of the trace, because they give the names.
    pub fn text(&mut self, event: &Event) -> String {
        let names = &mut self.names;
        match &event.what {
            What::Boot { release: 1 } => "boots".to_owned(),
            What::Boot { release } => {
                self.release = self.release.max(*release);
                format!("boots release {release}")
            }
            What::Crash => "crashes".to_owned(),
            What::Panic { message } => format!("panics: {}", names.abbreviate(message)),
            What::Caught { message } => format!("catches a panic of its work: {}", names.abbreviate(message)),
            What::Spoils { index, what } => {
                format!("fault {index} spoils an attempt at {}", names.work(*what))
            }
            What::Said { about, text } => {
                format!("says of {} at WARN: {}", names.work(*about), names.abbreviate(text))
            }
            What::PartEnded { part, why } => format!("goes on without {part}: {}", names.abbreviate(why)),
            What::Exit { reason } => format!("exits: {}", names.abbreviate(reason)),
            What::Fault { index, kind, point } => {
                let at = point.map(|point| format!(" at {}", point.name())).unwrap_or_default();
                format!("fault {index} strikes{at}: {}", spaced(&format!("{kind:?}")))
            }
            What::FaultOver { index } => format!("fault {index} is over"),
            What::Healed if self.release > 1 => format!("healed: everyone is to run release {}", self.release),
            What::Healed => "healed".to_owned(),
            What::Restored { store, since, messages, sagas } => {
                let (messages, sagas) = (messages.iter().count(), sagas.len());
                format!("{store} is what it was before event {since}; gone: {messages} messages, {sagas} sagas written")
            }
            What::Redrive { parked: 1, .. } => "the operator redrives 1 dead row".to_owned(),
            What::Redrive { parked, .. } => format!("the operator redrives {parked} dead rows"),
            What::Kept { rows } => kept(rows),
            What::Quiet => "quiet".to_owned(),
            What::OutOfBudget { waiting } => format!("out of budget, waiting: {}", names.abbreviate(waiting)),
            What::Request { request, operation } => format!("request {request}: {operation}"),
            What::Reply { request, accepted, outcome } => {
                let answer = if *accepted { "accepted" } else { "refused" };
                format!("reply {request}: {answer}{}", ending(*outcome))
            }
            What::Begin { tx, outcome } => format!("begin t{}{}", tx.0, ending(*outcome)),
            What::Statement { tx, point, on, outcome } => {
                format!("t{} {} {}{}", tx.0, point.name(), names.abbreviate(on), ending(*outcome))
            }
            What::NeverReturned { point, tx, since, behind, whom } => {
                let inside = tx.map(|tx| format!("t{} ", tx.0)).unwrap_or_default();
                let behind = behind.map(|tx| format!(" while its own task holds t{} open", tx.0)).unwrap_or_default();
                let whom = if whom.is_empty() { String::new() } else { format!(" to {whom}") };
                let (call, since) = (point.name(), millis(*since));
                format!("{inside}{call}{whom} never returned, waiting since {since} ms{behind}")
            }
            What::DuplicateSeen { tx, consumer, message } => {
                format!("t{} {consumer} has seen {} before", tx.0, names.message(*message))
            }
            What::Commit { tx, store, outcome, effects, tried } => {
                let done = say_all(effects.iter(), names);
                let colon = if done.is_empty() { "" } else { ": " };
                format!("commit t{} on {store}{colon}{done}{}{}", tx.0, ending(*outcome), undone(tried, names))
            }
            What::Abort { tx, tried } => format!("abort t{}{}", tx.0, undone(tried, names)),
            // An idle relay polls often: only a claim that holds something gets a name.
            What::Claim { store, rows, outcome, .. } if rows.is_empty() => {
                format!("claim on {store}: nothing{}", ending(*outcome))
            }
            What::Claim { store, token, rows, outcome } => {
                let mut text = format!("{} on {store}:", names.claim(*token));
                for row in rows.iter() {
                    self.rows.insert((store.clone(), row.row.0), row.message);
                    let _ = write!(text, " r{}={}", row.row.0, names.message(row.message));
                    if row.attempts > 1 {
                        let _ = write!(text, " (attempt {})", row.attempts);
                    }
                }
                text + &ending(*outcome)
            }
            What::Settle { store, token, rows, outcome } => {
                let mut text = format!("settle {} on {store}:", names.claim(*token));
                for row in rows.iter() {
                    let lost = if row.held { "" } else { " (not held)" };
                    let message = self.rows.get(&(store.clone(), row.row.0));
                    let message = message.map(|message| format!("={}", names.message(*message))).unwrap_or_default();
                    let _ = write!(text, " r{}{message} {}{lost}", row.row.0, row.settled);
                }
                text + &ending(*outcome)
            }
            What::Acquire { store, sagas, outcome } => {
                let mut text = format!("acquire on {store}:");
                for (saga, epoch) in sagas.iter() {
                    let _ = write!(text, " {} at epoch {epoch}", names.saga(*saga));
                }
                if sagas.is_empty() {
                    text.push_str(" nothing");
                }
                text + &ending(*outcome)
            }
            What::StoreCall { store, operation, count, outcome, .. } => {
                format!("{operation} on {store}: {count}{}", ending(*outcome))
            }
            What::Publish { message, outcome, why } => {
                let name = names.message(message.id);
                let (kind, subject, topic) = (&message.kind, names.abbreviate(&message.subject), &message.topic);
                // A refusal is often about the size, and always has a reason.
                let (size, why) = match outcome {
                    Outcome::Rejected if why.is_empty() => (size(message.data.len()), String::new()),
                    Outcome::Rejected => (size(message.data.len()), format!(": {}", names.abbreviate(why))),
                    _ => (String::new(), String::new()),
                };
                let headers = headers(message, names);
                format!("publish {name} {kind} of {subject}{size} to {topic}{headers}{}{why}", ending(*outcome))
            }
            What::Subscribe { group, outcome } => format!("subscribe {group}{}", ending(*outcome)),
            What::Deliver { group, tag, message, redeliveries } => {
                let again = if *redeliveries > 0 { format!(", redelivery {redeliveries}") } else { String::new() };
                format!("deliver {} to {group} as d{tag}{again}", names.message(message.id))
            }
            What::ReceiveFailed { group, outcome } => format!("receive by {group}{}", ending(*outcome)),
            What::Ack { group, tag, message, outcome } => {
                format!("ack {} by {group} as d{tag}{}", names.message(*message), ending(*outcome))
            }
            What::Nack { group, tag, message, outcome } => {
                format!("nack {} by {group} as d{tag}{}", names.message(*message), ending(*outcome))
            }
            What::External { service, operation, operation_id, subject, acted, outcome } => {
                let acted = if *acted { ": acted" } else { "" };
                let subject = names.abbreviate(subject);
                format!(
                    "{service} {operation} {subject} as {}{acted}{}",
                    names.operation(*operation_id),
                    ending(*outcome)
                )
            }
        }
    }
}

/// Describes the effects that a transaction that came to nothing would have had.
fn undone(tried: &[Effect], names: &mut Names) -> String {
    if tried.is_empty() { String::new() } else { format!(", nothing of: {}", say_all(tried, names)) }
}

/// Describes how many rows each table has, store by store.
fn kept(rows: &[KeptRows]) -> String {
    let mut text = "rows kept".to_owned();
    let mut store: Option<&SmolStr> = None;
    for kept in rows {
        let between = match store {
            Some(store) if *store == kept.store => ",".to_owned(),
            before => format!("{} in {}:", if before.is_some() { ";" } else { "" }, kept.store),
        };
        let _ = write!(text, "{between} {} of {}", kept.rows, kept.table.name());
        store = Some(&kept.store);
    }
    text
}

/// Formats the size of a payload.
fn size(bytes: usize) -> String {
    format!(" ({bytes} bytes)")
}
