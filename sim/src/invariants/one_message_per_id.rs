use std::{collections::BTreeSet, hash::Hasher};

use rustc_hash::FxHasher;
use seaworthy_core::{ids::MessageId, message::Message};

use super::{Interest, Invariant, Judge, Mode, brief::Brief, messages::ByMessage};
use crate::trace::{Effect, Event, What};

/// `one-message-per-id`: an id stands for one message.
///
/// - No two commits stage a message under one id, in one store or in two. The inbox of a consumer takes the second for a
///   repetition of the first and drops it, whatever it says.
/// - What the broker accepts under an id says the same each time. Where it stands in its key's order may differ: a relay
///   writes that into the message. So may what is said by one that is made anew, since the first was lost with its
///   [store](crate::topology::Topology::restores()): a rejection of a command that is handled again may have another reason.
///
/// State: one small entry for each id. None is ever forgotten, because the second message may turn up at any time.
#[derive(Debug, Default)]
pub struct OneMessagePerId {
    known: ByMessage<Seen>,
    /// Messages that were lost with a store which was put back.
    lost: BTreeSet<MessageId>,
}

/// First sight of an id: staged, and accepted by the broker. What it said then is kept apart, so that an entry has no
/// empty room.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    staged: Option<Brief>,
    published: Option<Brief>,
    staged_says: u32,
    published_says: u32,
}

impl OneMessagePerId {
    /// The invariant at the start of a run.
    pub fn new() -> Self {
        Self::default()
    }

    fn stage(&mut self, message: &Message, number: u64, judge: &mut Judge<'_>) {
        judge.judged();
        let seen = self.known.of(judge.message(message.id));
        let says = says(message);
        let (before, said) = (seen.staged.replace(Brief::new(number)), std::mem::replace(&mut seen.staged_says, says));
        let Some(before) = before else { return };
        let same = if said == says { "the same" } else { "not the same" };
        let Message { kind, subject, .. } = message;
        judge.violate(
            message.id,
            format!("two commits staged a message of one id; the second is `{kind}` of `{subject}`, and says {same}"),
            vec![before.number(), number],
        );
    }

    fn publish(&mut self, message: &Message, number: u64, judge: &mut Judge<'_>) {
        judge.judged();
        let seen = self.known.of(judge.message(message.id));
        let says = says(message);
        let Some(before) = seen.published else {
            (seen.published, seen.published_says) = (Some(Brief::new(number)), says);
            return;
        };
        if seen.published_says == says || self.lost.contains(&message.id) {
            return;
        }
        let Message { kind, subject, .. } = message;
        judge.violate(
            message.id,
            format!("`{kind}` of `{subject}` has the id of another message, which says something else"),
            vec![before.number(), number],
        );
    }
}

/// Returns the content of a message, in one number: all but its id, its place in an order and what traces it.
fn says(message: &Message) -> u32 {
    let mut hasher = FxHasher::default();
    for text in [&message.source, &message.kind, &message.topic, &message.subject, &message.partition_key] {
        hasher.write(text.as_bytes());
        hasher.write_u8(0);
    }
    hasher.write(&message.data);
    let hash = hasher.finish();
    (hash ^ hash >> 32) as u32
}

impl Invariant for OneMessagePerId {
    fn name(&self) -> &'static str {
        "one-message-per-id"
    }

    fn mode(&self) -> Mode {
        Mode::Always
    }

    fn interest(&self) -> Interest {
        Interest::STAGED | Interest::PUBLISH | Interest::RESTORED
    }

    fn subject(&self) -> Option<&'static str> {
        Some("a message staged or published")
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        match &event.what {
            What::Commit { outcome, effects, .. } if outcome.took_effect() => {
                for effect in effects.iter() {
                    if let Effect::Staged(message) = effect {
                        self.stage(message, event.number, judge);
                    }
                }
            }
            What::Publish { message, outcome, .. } if outcome.took_effect() => {
                self.publish(message, event.number, judge)
            }
            // What was staged and is lost may be staged again, and say something else.
            What::Restored { messages, .. } => {
                messages.iter().for_each(|message| self.known.of(judge.message(message)).staged = None);
                self.lost.extend(messages.iter());
            }
            _ => {}
        }
    }
}
