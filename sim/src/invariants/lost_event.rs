use seaworthy_core::{ids::MessageId, message::Message, ports::SubscriptionSpec};
use smol_str::SmolStr;

use super::{
    Ending, Interest, Invariant, Judge, Lookup, Mode,
    groups::Groups,
    rows::{Rows, Settled},
};
use crate::trace::{Effect, Event, What};

/// `lost-event`: once the run has come to rest, every committed event has reached every consumer group that is bound to
/// its topic, or is dead with a reason.
///
/// An event has reached a group that uses an inbox when it was handled there or became a dead letter: an
/// acknowledgement alone is what the broker believes, and a consumer that acknowledges before it commits loses events.
/// A group shows that it uses an inbox for a type of event by handling one of that type in the run, under the group's
/// own name (see [`LostEvent::consumer`] for another one); [`LostEvent::handles`] says so beforehand. Where there is no
/// inbox, or the consumer ignores the type, the acknowledgement is all there is, and it counts.
///
/// State: one entry for each event that some group has not dealt with yet.
#[derive(Debug)]
pub struct LostEvent {
    groups: Groups,
    practices: Vec<Practice>,
    open: Lookup<MessageId, Open>,
    rows: Rows,
}

/// What a group does with events of one type.
#[derive(Debug)]
struct Practice {
    group: usize,
    kind: SmolStr,
    /// Whether it handles them in an inbox.
    handles: bool,
    /// How many it has acknowledged without that.
    only_acked: u32,
}

/// A group that acknowledged this many events of a type and never handled one ignores the type, or has no inbox: its
/// acknowledgements close the entry.
const ONLY_ACKED_MAX: u32 = 256;

#[derive(Debug)]
struct Open {
    kind: SmolStr,
    subject: SmolStr,
    missing: u64,
    acked: u64,
    is_dead: bool,
    staged: u64,
    published: Option<u64>,
    last_ack: Option<u64>,
}

impl LostEvent {
    /// The invariant at the start of a run with these consumer groups.
    pub fn new(groups: &[SubscriptionSpec]) -> Self {
        let groups = Groups::new(groups);
        Self { groups, practices: Vec::new(), open: Lookup::new(), rows: Rows::default() }
    }

    /// Says that `group` handles events of these types in an inbox, so that an acknowledgement is never enough for
    /// them, not even in a run in which it handles none.
    #[must_use]
    pub fn handles(mut self, group: &str, kinds: &[&str]) -> Self {
        if let Some(group) = self.groups.of_group(group) {
            for kind in kinds {
                self.practice(group, &SmolStr::from(*kind)).handles = true;
            }
        }
        self
    }

    /// Says that `group` handles messages under the consumer name `consumer` in its inbox. Without this the consumer is
    /// taken to have the group's name.
    #[must_use]
    pub fn consumer(mut self, group: &str, consumer: &str) -> Self {
        self.groups.rename(group, consumer);
        self
    }

    fn stage(&mut self, message: &Message, number: u64) {
        let missing = self.groups.bound_to(&message.topic);
        if missing != 0 {
            let (kind, subject) = (message.kind.clone(), message.subject.clone());
            let (published, last_ack) = (None, None);
            let open = Open { kind, subject, missing, acked: 0, is_dead: false, staged: number, published, last_ack };
            self.open.insert(message.id, open);
        }
    }

    /// The group has dealt with the message.
    fn close(&mut self, group: usize, message: MessageId, judge: &mut Judge<'_>) {
        let Some(open) = self.open.get_mut(&message) else { return };
        open.missing &= !(1 << group);
        if open.missing == 0 {
            self.open.remove(&message);
            judge.judged();
        }
    }

    fn practice(&mut self, group: usize, kind: &SmolStr) -> &mut Practice {
        let known = self.practices.iter().position(|practice| practice.group == group && practice.kind == *kind);
        let index = known.unwrap_or_else(|| {
            self.practices.push(Practice { group, kind: kind.clone(), handles: false, only_acked: 0 });
            self.practices.len() - 1
        });
        &mut self.practices[index]
    }

    fn handles_kind(&self, group: usize, kind: &SmolStr) -> bool {
        self.practices.iter().any(|known| known.group == group && known.kind == *kind && known.handles)
    }

    fn handle(&mut self, consumer: &SmolStr, message: MessageId, judge: &mut Judge<'_>) {
        let Some(group) = self.groups.of_consumer(consumer) else { return };
        let Some(open) = self.open.get(&message) else { return };
        let kind = open.kind.clone();
        self.practice(group, &kind).handles = true;
        self.close(group, message, judge);
    }

    fn ack(&mut self, group: &SmolStr, message: MessageId, number: u64, judge: &mut Judge<'_>) {
        let Some(group) = self.groups.of_group(group) else { return };
        let Some(open) = self.open.get_mut(&message) else { return };
        if open.missing & (1 << group) == 0 {
            return;
        }
        open.acked |= 1 << group;
        open.last_ack = Some(number);
        let kind = open.kind.clone();
        let practice = self.practice(group, &kind);
        practice.only_acked = practice.only_acked.saturating_add(1);
        if !practice.handles && practice.only_acked > ONLY_ACKED_MAX {
            self.close(group, message, judge);
        }
    }

    fn set_dead(&mut self, message: MessageId, is_dead: bool) {
        if let Some(open) = self.open.get_mut(&message) {
            open.is_dead = is_dead;
        }
    }

    fn commit(&mut self, effects: &[Effect], number: u64, judge: &mut Judge<'_>) {
        for effect in effects {
            match effect {
                Effect::Staged(message) => self.stage(message, number),
                Effect::Handled { consumer, message } | Effect::Buried { consumer, message, .. } => {
                    self.handle(consumer, *message, judge);
                }
                Effect::GivenUp { message, .. } => self.set_dead(*message, true),
                Effect::Dispatched(message) => self.set_dead(*message, false),
                _ => {}
            }
        }
    }
}

impl Invariant for LostEvent {
    fn name(&self) -> &'static str {
        "lost-event"
    }

    fn mode(&self) -> Mode {
        Mode::Eventually
    }

    fn interest(&self) -> Interest {
        Interest::STAGED | Interest::INBOX | Interest::CLAIM | Interest::SETTLE | Interest::PUBLISH | Interest::ACK
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        match &event.what {
            What::Commit { outcome, effects, .. } if outcome.took_effect() => {
                self.commit(effects, event.number, judge);
            }
            What::Claim { store, rows, outcome, .. } if outcome.took_effect() => {
                self.rows.claim(store, rows);
                for row in rows.iter() {
                    self.set_dead(row.message, false);
                }
            }
            What::Settle { store, rows, outcome, .. } if outcome.took_effect() => {
                for row in rows.iter() {
                    if let Some((message, Settled::Dead)) = self.rows.settle(store, row) {
                        self.set_dead(message, true);
                    }
                }
            }
            What::Publish { message, outcome, .. } if outcome.took_effect() => {
                if let Some(open) = self.open.get_mut(&message.id) {
                    open.published.get_or_insert(event.number);
                }
            }
            What::Ack { group, message, outcome, .. } if outcome.took_effect() => {
                self.ack(group, *message, event.number, judge);
            }
            _ => {}
        }
    }

    fn conclude(&mut self, ending: Ending, judge: &mut Judge<'_>) {
        if ending == Ending::OutOfBudget {
            return;
        }
        for (id, open) in self.open.sorted() {
            judge.judged();
            if open.is_dead {
                continue;
            }
            let missing = |group: &usize| {
                let acked = open.acked & (1 << group) != 0;
                open.missing & (1 << group) != 0 && (!acked || self.handles_kind(*group, &open.kind))
            };
            for group in (0..self.groups.len()).filter(missing) {
                let name = self.groups.name(group);
                let how = if open.published.is_none() {
                    format!("never reached the broker, so `{name}` never saw it")
                } else if open.acked & (1 << group) != 0 {
                    format!("was acknowledged by `{name}` and never handled")
                } else {
                    format!("was accepted by the broker and never handled by `{name}`")
                };
                let events = [Some(open.staged), open.published, open.last_ack];
                judge.violate(
                    id.to_string(),
                    format!("`{}` of `{}` was committed and lost: it {how}", open.kind, open.subject),
                    events.into_iter().flatten().collect(),
                );
            }
        }
    }
}
