use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use smol_str::SmolStr;

use super::{super::Command, ProcessManager, instance::Instance};
use crate::{
    ids::{List, MessageId},
    inbox::HandlerError,
    message::Message,
};

/// Number of events beyond which their orders are not all tried: there are 5,040 of seven.
const EVENTS_MAX: usize = 7;

/// Result of a process that has heard some events: what two orders of them are compared by.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ProcessOutcome {
    /// State of the process in JSON, with its fields in order; `None` if it has ended.
    pub state: Option<Value>,
    /// All commands that it has sent, sorted.
    pub commands: Vec<Command>,
    /// Names of the timers that are set, sorted.
    pub timers: Vec<SmolStr>,
}

/// Error of a process manager whose result depends on the order of events.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OrderError {
    /// Two orders of the same events come to different results.
    #[error("{} leads to {:?}, but {} leads to {:?}: let a reaction look at the state, not at what came last", List(&.0.0), .0.1, List(&.1.0), .1.1)]
    Differ(Box<(Vec<MessageId>, ProcessOutcome)>, Box<(Vec<MessageId>, ProcessOutcome)>),
    /// There are too many events to try each order of them.
    #[error("{0} events have too many orders: give up to {EVENTS_MAX}")]
    TooMany(usize),
    /// A reaction failed.
    #[error(transparent)]
    Failed(#[from] HandlerError),
}

impl<S: Default + Serialize + DeserializeOwned + Send + Sync + 'static> ProcessManager<S> {
    /// Returns the result of a process that hears these events in this order. Pure, for tests.
    ///
    /// # Errors
    /// [`HandlerError`] of a reaction.
    pub fn outcome<'a>(&self, events: impl IntoIterator<Item = &'a Message>) -> Result<ProcessOutcome, HandlerError> {
        let mut instance = Instance::new(S::default());
        let mut commands = Vec::new();
        for event in events {
            let Some(reaction) = self.react(&mut instance, event)? else { continue };
            for (timer, after) in &reaction.timers {
                instance.timer(timer).renew(after.is_some());
            }
            if reaction.ends {
                instance = Instance { state: None, timers: Default::default(), ended_at: None };
            }
            commands.extend(reaction.commands);
        }
        commands.sort_by(|one, other| {
            let by = |command: &Command| (command.kind.clone(), command.destination.clone(), command.data.clone());
            by(one).cmp(&by(other))
        });
        let state = instance.state.as_ref().map(serde_json::to_value).transpose();
        let state = state.map_err(|error| HandlerError::Unavailable(smol_str::format_smolstr!("state: {error}")))?;
        let set = instance.timers.iter().filter(|(_, timer)| timer.is_set);
        Ok(ProcessOutcome { state, commands, timers: set.map(|(name, _)| name.clone()).collect() })
    }

    /// Checks that a process comes to the same result in whatever order it hears these events, up to seven of them: state,
    /// commands and timers. For tests; it touches no store.
    ///
    /// # Errors
    /// [`OrderError`], with two orders that differ.
    pub fn check_orders(&self, events: &[Message]) -> Result<ProcessOutcome, OrderError> {
        if events.len() > EVENTS_MAX {
            return Err(OrderError::TooMany(events.len()));
        }
        let first = self.outcome(events)?;
        let ids = |order: &[&Message]| order.iter().map(|event| event.id).collect::<Vec<_>>();
        for order in orders(&events.iter().collect::<Vec<_>>()) {
            let other = self.outcome(order.iter().copied())?;
            if other != first {
                let given: Vec<&Message> = events.iter().collect();
                return Err(OrderError::Differ(Box::new((ids(&given), first)), Box::new((ids(&order), other))));
            }
        }
        Ok(first)
    }
}

/// All orders of some events.
fn orders<'a>(events: &[&'a Message]) -> Vec<Vec<&'a Message>> {
    if events.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (at, first) in events.iter().enumerate() {
        let rest: Vec<&Message> =
            events.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, event)| *event).collect();
        for mut order in orders(&rest) {
            order.insert(0, *first);
            all.push(order);
        }
    }
    all
}
