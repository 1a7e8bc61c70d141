use seaworthy_core::ids::MessageId;

use super::{Interest, Invariant, Judge, Lookup, Mode};
use crate::trace::{Effect, Event, What};

/// `phantom-event`: the broker accepted a message that no committed transaction has staged.
///
/// Judged at the moment of publishing: a transaction that commits later does not excuse a message that was out before,
/// since a crash between the two would have left it without a cause. A commit whose reply was lost has staged its
/// messages; one whose request was lost has not.
///
/// State: one id for each staged message. It is never forgotten, because a stale relay may publish a message long after
/// another settled it, and that is no phantom.
#[derive(Debug, Default)]
pub struct PhantomEvent {
    staged: Lookup<MessageId, ()>,
}

impl PhantomEvent {
    /// The invariant at the start of a run.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Invariant for PhantomEvent {
    fn name(&self) -> &'static str {
        "phantom-event"
    }

    fn mode(&self) -> Mode {
        Mode::Always
    }

    fn interest(&self) -> Interest {
        Interest::STAGED | Interest::PUBLISH
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        match &event.what {
            What::Commit { outcome, effects, .. } if outcome.took_effect() => {
                for effect in effects.iter() {
                    if let Effect::Staged(message) = effect {
                        self.staged.insert(message.id, ());
                    }
                }
            }
            What::Publish { message, outcome, .. } if outcome.took_effect() => {
                judge.judged();
                if !self.staged.contains(&message.id) {
                    judge.violate(
                        message.id.to_string(),
                        format!(
                            "the broker accepted `{}` of `{}`, which no committed transaction has staged",
                            message.kind, message.subject
                        ),
                        vec![event.number],
                    );
                }
            }
            _ => {}
        }
    }
}
