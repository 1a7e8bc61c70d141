use std::time::Duration;

use seaworthy_core::{ids::MessageId, ports::SubscriptionSpec};

use super::{Interest, Invariant, Judge, Lookup, Mode, groups::Groups};
use crate::trace::{Effect, Event, VirtualTime, What};

/// `prompt-when-calm`: while nothing goes wrong, a message is with whoever it is for at once, and not when somebody next looks.
///
/// In a run in which nothing has gone wrong so far, a message that was staged is taken by the broker within eight seconds
/// of virtual time ([`PromptWhenCalm::within`]), and acknowledged by each group that it is for within eight more; and as long as
/// forty port calls take, for it and for each message before it. One that waits longer waits for a poll, a lease or a timeout.
/// Eight seconds are for handlers that take their time with what comes first: where these are quick, one is more than enough.
///
/// Not judged is a message that is [held back](seaworthy_core::message::Schedule::not_before) until a moment, nor one that the broker
/// has put off, since a group is full.
///
/// State: one entry for each message that is on its way.
#[derive(Debug)]
pub struct PromptWhenCalm {
    bound: VirtualTime,
    /// Time that the calls for one message may take in this run.
    calls: VirtualTime,
    groups: Groups,
    staged: Lookup<MessageId, Since>,
    accepted: Lookup<MessageId, Accepted>,
    /// `true` once anything has gone wrong: from then on nobody promises anything.
    is_disturbed: bool,
}

/// Beginning of a wait: when, at which event, and behind how many others.
#[derive(Clone, Copy, Debug)]
struct Since {
    at: VirtualTime,
    event: u64,
    before: u64,
}

/// A message that the broker has taken, and the groups that it still waits for.
#[derive(Debug)]
struct Accepted {
    since: Since,
    groups: u64,
}

/// Some ten calls lead from a commit to a publish, and from a delivery to its acknowledgement; one of them may be held up for
/// seventeen times as long as the others.
const CALLS: u64 = 40;

impl PromptWhenCalm {
    /// The invariant for these groups at the start of a run.
    pub fn new(groups: &[SubscriptionSpec]) -> Self {
        Self {
            bound: 8_000_000,
            calls: 0,
            groups: Groups::new(groups),
            staged: Lookup::new(),
            accepted: Lookup::new(),
            is_disturbed: false,
        }
    }

    /// Sets how long a message may wait for the broker, and then for each group, in virtual time.
    #[must_use]
    pub fn within(mut self, bound: Duration) -> Self {
        self.bound = bound.as_micros() as u64;
        self
    }

    fn is_late(&self, since: Since, event: &Event) -> bool {
        event.at - since.at > self.bound + self.calls * (1 + since.before)
    }

    fn accept(&mut self, message: MessageId, topic: &smol_str::SmolStr, event: &Event, judge: &mut Judge<'_>) {
        let Some(since) = self.staged.remove(&message) else { return };
        judge.judged();
        if self.is_late(since, event) {
            let seconds = (event.at - since.at) / 1_000_000;
            let sentence =
                format!("a message was published {seconds} s after it was staged, and nothing had gone wrong");
            judge.violate(message, sentence, vec![since.event, event.number]);
        }
        let groups = self.groups.bound_to(topic);
        if groups != 0 {
            let before = self.accepted.len() as u64;
            let since = Since { at: event.at, event: event.number, before };
            self.accepted.insert(message, Accepted { since, groups });
        }
    }

    fn acknowledge(&mut self, message: MessageId, group: &smol_str::SmolStr, event: &Event, judge: &mut Judge<'_>) {
        let Some(number) = self.groups.of_group(group) else { return };
        let Some(Accepted { since, groups }) = self.accepted.get_mut(&message) else { return };
        let (since, is_first) = (*since, *groups & (1 << number) != 0);
        *groups &= !(1 << number);
        if *groups == 0 {
            self.accepted.remove(&message);
        }
        if is_first && self.is_late(since, event) {
            let seconds = (event.at - since.at) / 1_000_000;
            let sentence = format!(
                "`{group}` was done with a message {seconds} s after it was published, and nothing had gone wrong"
            );
            judge.violate(message, sentence, vec![since.event, event.number]);
        }
    }
}

impl Invariant for PromptWhenCalm {
    fn name(&self) -> &'static str {
        "prompt-when-calm"
    }

    fn mode(&self) -> Mode {
        Mode::Always
    }

    fn interest(&self) -> Interest {
        Interest::STAGED | Interest::PUBLISH | Interest::ACK | Interest::FAULT
    }

    fn subject(&self) -> Option<&'static str> {
        Some("a message that was staged while nothing had gone wrong")
    }

    fn pace(&mut self, longest_call: Duration) {
        self.calls = longest_call.as_micros() as u64 * CALLS;
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        if self.is_disturbed {
            return;
        }
        match &event.what {
            What::Commit { outcome, effects, .. } if outcome.took_effect() => {
                for effect in effects.iter() {
                    if let Effect::Staged(message) = effect
                        && message.schedule.not_before.is_none()
                    {
                        let before = self.staged.len() as u64;
                        self.staged.insert(message.id, Since { at: event.at, event: event.number, before });
                    }
                }
            }
            What::Publish { message, outcome, .. } if outcome.took_effect() => {
                self.accept(message.id, &message.topic, event, judge);
            }
            What::Publish { message, .. } => _ = self.staged.remove(&message.id),
            What::Ack { group, message, outcome, .. } if outcome.took_effect() => {
                self.acknowledge(*message, group, event, judge);
            }
            What::Fault { .. } => {
                self.is_disturbed = true;
                (self.staged, self.accepted) = (Lookup::new(), Lookup::new());
            }
            _ => {}
        }
    }
}
