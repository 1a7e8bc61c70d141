use std::collections::VecDeque;

use seaworthy_core::{ids::MessageId, message::Message};

use super::{Interest, Invariant, Judge, Mode, messages::ByMessage};
use crate::trace::{Effect, Event, What};

/// `lineage`: causes are a tree, and all that follows from one thing bears one correlation id.
///
/// - A message that names another as its cause has that one's correlation id: who asks for a business transaction by it gets
///   the whole of it, and not a part.
/// - No message names itself as its cause, or one that was staged after it.
///
/// Events of streams are messages, too, from where they are appended.
///
/// A cause that is no message, as a request or an operation, is not looked at, nor is a message without a cause.
///
/// State: a number for each message, and the last 64 of those whose cause was none that was seen before.
#[derive(Debug, Default)]
pub struct Lineage {
    /// Correlation id of each message that was seen, in short.
    transactions: ByMessage<Option<u32>>,
    early: VecDeque<(MessageId, u64)>,
}

/// Messages that wait for their cause to turn up.
const EARLY_MAX: usize = 64;

impl Lineage {
    /// The invariant at the start of a run.
    pub fn new() -> Self {
        Self::default()
    }

    fn stage(&mut self, message: &Message, number: u64, judge: &mut Judge<'_>) {
        judge.judged();
        if let Some(cause) = message.causation_id {
            self.follow(message, cause, number, judge);
        }
        let caused = self.early.iter().position(|(cause, _)| *cause == message.id);
        if let Some((_, earlier)) = caused.and_then(|at| self.early.remove(at)) {
            let sentence = format!(
                "`{}` of `{}` is named as the cause of a message that was staged before it",
                message.kind, message.subject
            );
            judge.violate(message.id, sentence, vec![earlier, number]);
        }
        self.see(message, judge);
    }

    fn follow(&mut self, message: &Message, cause: MessageId, number: u64, judge: &mut Judge<'_>) {
        let Message { id, kind, subject, .. } = message;
        if cause == *id {
            judge.violate(*id, format!("`{kind}` of `{subject}` names itself as its cause"), vec![number]);
            return;
        }
        let known = judge.known_message(cause).and_then(|cause| *self.transactions.get(cause)?);
        match known {
            Some(transaction) if transaction != short(message) => {
                let sentence =
                    format!("`{kind}` of `{subject}` has not the correlation id of the message that caused it");
                judge.violate(*id, sentence, vec![number]);
            }
            Some(_) => {}
            None => {
                if self.early.len() == EARLY_MAX {
                    self.early.pop_front();
                }
                self.early.push_back((cause, number));
            }
        }
    }

    fn see(&mut self, message: &Message, judge: &mut Judge<'_>) {
        *self.transactions.of(judge.message(message.id)) = Some(short(message));
    }
}

/// Returns a correlation id in one small number.
fn short(message: &Message) -> u32 {
    let (high, low) = message.correlation_id.as_u64_pair();
    let mixed = high ^ low.rotate_left(29);
    (mixed ^ mixed >> 32) as u32
}

impl Invariant for Lineage {
    fn name(&self) -> &'static str {
        "lineage"
    }

    fn mode(&self) -> Mode {
        Mode::Always
    }

    fn interest(&self) -> Interest {
        Interest::STAGED | Interest::STREAM | Interest::PUBLISH
    }

    fn subject(&self) -> Option<&'static str> {
        Some("a message that was staged")
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        match &event.what {
            What::Commit { outcome, effects, .. } if outcome.took_effect() => {
                for effect in effects.iter() {
                    if let Effect::Staged(message) | Effect::Appended { event: message, .. } = effect {
                        self.stage(message, event.number, judge);
                    }
                }
            }
            // One that was never staged may cause others all the same.
            What::Publish { message, .. } => self.see(message, judge),
            _ => {}
        }
    }
}
