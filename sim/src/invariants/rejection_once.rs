use seaworthy_core::{
    choreography::{REJECTED, Rejection},
    ids::MessageId,
    message::Message,
};
use smol_str::SmolStr;

use super::{Interest, Invariant, Judge, Lookup, Mode, messages::ByMessage};
use crate::trace::{Effect, Event, What};

/// `rejection-once`: a command is rejected once. Its source hears of it by one [`Rejection`], under one id, however often the
/// command was delivered: a second one, under an id of its own, would have the source make up for the command twice.
///
/// That one message is handled, and not twice, is for `lost-event` and `duplicate-effect` to say.
///
/// State: one small entry for each command that was rejected.
#[derive(Debug, Default)]
pub struct RejectionOnce {
    /// The rejection of each command, and the event that staged it.
    rejected: Lookup<MessageId, (MessageId, u64)>,
    /// Commands of rejections, by the number of the rejection; as far as anybody has handled one.
    commands: ByMessage<Option<MessageId>>,
    handled: Lookup<(SmolStr, MessageId), u64>,
}

impl RejectionOnce {
    /// The invariant at the start of a run.
    pub fn new() -> Self {
        Self::default()
    }

    fn stage(&mut self, message: &Message, number: u64, judge: &mut Judge<'_>) {
        // One that nobody can read is no rejection, and its handler says so.
        let Ok(Rejection { command, reason, .. }) = message.json::<Rejection>() else { return };
        judge.judged();
        *self.commands.of(judge.message(message.id)) = Some(command.id);
        let (first, event) = *self.rejected.get_or_insert_with(command.id, || (message.id, number));
        if first != message.id {
            let sentence = format!("`{}` of `{}` is rejected a second time: {reason}", command.kind, command.subject);
            judge.violate(command.id, sentence, vec![event, number]);
        }
    }

    fn handle(&mut self, consumer: &SmolStr, message: MessageId, number: u64, judge: &mut Judge<'_>) {
        let command = judge.known_message(message).and_then(|message| *self.commands.get(message)?);
        let Some(command) = command else { return };
        if let Some(before) = self.handled.insert((consumer.clone(), command), number) {
            let sentence = format!("`{consumer}` handled the rejection of one command twice");
            judge.violate(command, sentence, vec![before, number]);
        }
    }
}

impl Invariant for RejectionOnce {
    fn name(&self) -> &'static str {
        "rejection-once"
    }

    fn mode(&self) -> Mode {
        Mode::Always
    }

    fn interest(&self) -> Interest {
        Interest::STAGED | Interest::INBOX | Interest::RESTORED
    }

    fn subject(&self) -> Option<&'static str> {
        Some("a command that was rejected")
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        match &event.what {
            What::Commit { outcome, effects, .. } if outcome.took_effect() => {
                for effect in effects.iter() {
                    match effect {
                        Effect::Staged(message) if message.kind == REJECTED => {
                            self.stage(message, event.number, judge);
                        }
                        Effect::Handled { consumer, message } => self.handle(consumer, *message, event.number, judge),
                        _ => {}
                    }
                }
            }
            // Whoever had rejected a command may have forgotten it, and so may its source.
            What::Restored { .. } => (self.rejected, self.handled) = (Lookup::new(), Lookup::new()),
            _ => {}
        }
    }
}
