use seaworthy_core::{ids::MessageId, message::Message, ports::SubscriptionSpec};
use smol_str::SmolStr;

use super::{Ending, Interest, Invariant, Judge, Lookup, Mode, name_numbers::NameNumbers};
use crate::trace::{Event, Outcome, What};

/// So many groups and keys are told one by one.
const TOLD: usize = 8;

/// `message-unhandled`: by the end of the run every message that the broker holds for a group was acknowledged.
///
/// One that never was has no consumer, or no handler that takes it, or a consumer that forgets to acknowledge. It holds up
/// all later messages of its key; of these only the first is told.
///
/// State: one entry for each message and group that is not acknowledged.
#[derive(Debug)]
pub struct MessageUnhandled {
    groups: Vec<SubscriptionSpec>,
    names: NameNumbers,
    open: Lookup<(u16, MessageId), OpenMessage>,
}

#[derive(Debug)]
struct OpenMessage {
    kind: SmolStr,
    subject: SmolStr,
    key: SmolStr,
    /// Copies that the broker has accepted and nobody has acknowledged.
    copies: u32,
    published: u64,
    deliveries: u32,
    last: Option<(u64, Last)>,
}

/// Last news of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    Delivered,
    GivenBack,
    /// An acknowledgement that did not arrive.
    AckLost,
}

impl MessageUnhandled {
    /// The invariant for these groups at the start of a run.
    pub fn new(groups: &[SubscriptionSpec]) -> Self {
        Self { groups: groups.to_vec(), names: NameNumbers::default(), open: Lookup::default() }
    }

    fn accept(&mut self, event: u64, message: &Message) {
        for spec in &self.groups {
            if spec.topics.contains(&message.topic) {
                let open = self.open.get_or_insert_with((self.names.number(&spec.group), message.id), || {
                    OpenMessage::new(event, message)
                });
                open.copies += 1;
            }
        }
    }

    fn note(&mut self, group: &SmolStr, message: MessageId, event: u64, last: Last) {
        if let Some(open) = self.open.get_mut(&(self.names.number(group), message)) {
            open.last = Some((event, last));
        }
    }
}

impl OpenMessage {
    fn new(event: u64, message: &Message) -> Self {
        Self {
            kind: message.kind.clone(),
            subject: message.subject.clone(),
            key: message.partition_key.clone(),
            copies: 0,
            published: event,
            deliveries: 0,
            last: None,
        }
    }

    fn why(&self) -> String {
        let times = if self.deliveries == 1 { "once".to_owned() } else { format!("{} times", self.deliveries) };
        match self.last.map(|(_, last)| last) {
            None => "was never delivered: the group has no consumer that receives".to_owned(),
            Some(Last::Delivered) => format!("was delivered {times} and never acknowledged"),
            Some(Last::GivenBack) => {
                format!("was delivered {times} and given back each time: no handler takes it")
            }
            Some(Last::AckLost) => format!("was delivered {times}, and its acknowledgement was lost"),
        }
    }
}

impl Invariant for MessageUnhandled {
    fn name(&self) -> &'static str {
        "message-unhandled"
    }

    fn mode(&self) -> Mode {
        Mode::Eventually
    }

    fn interest(&self) -> Interest {
        Interest::PUBLISH | Interest::DELIVER | Interest::ACK | Interest::NACK
    }

    fn subject(&self) -> Option<&'static str> {
        Some("a message for a consumer group")
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        match &event.what {
            What::Publish { message, outcome, .. } if outcome.took_effect() => self.accept(event.number, message),
            What::Deliver { group, message, .. } => {
                let key = (self.names.number(group), message.id);
                // A copy that the broker made itself, or a group that nobody has declared.
                let open = self
                    .open
                    .get_or_insert_with(key, || OpenMessage { copies: 1, ..OpenMessage::new(event.number, message) });
                open.deliveries += 1;
                open.last = Some((event.number, Last::Delivered));
            }
            What::Ack { group, message, outcome, .. } => match outcome {
                Outcome::Done | Outcome::DoneUnheard => {
                    judge.judged();
                    let key = (self.names.number(group), *message);
                    if let Some(open) = self.open.get_mut(&key) {
                        open.copies = open.copies.saturating_sub(1);
                        if open.copies == 0 {
                            self.open.remove(&key);
                        }
                    }
                }
                _ => self.note(group, *message, event.number, Last::AckLost),
            },
            What::Nack { group, message, .. } => self.note(group, *message, event.number, Last::GivenBack),
            _ => {}
        }
    }

    fn conclude(&mut self, ending: Ending, judge: &mut Judge<'_>) {
        // What has come to rest holds nothing for any group: a copy that was acknowledged late is not told apart.
        if ending != Ending::OutOfBudget {
            return;
        }
        let mut heads: Vec<(&(u16, MessageId), &OpenMessage)> = Vec::new();
        for (id, open) in self.open.sorted() {
            judge.judged();
            match heads.iter_mut().find(|((group, _), head)| *group == id.0 && head.key == open.key) {
                Some(head) if head.1.published > open.published => *head = (id, open),
                Some(_) => {}
                None => heads.push((id, open)),
            }
        }
        heads.sort_by_key(|(_, head)| head.published);
        for ((group, message), head) in heads.into_iter().take(TOLD) {
            let (OpenMessage { kind, subject, .. }, group) = (head, self.names.name(*group));
            judge.violate(
                *message,
                format!("message `{kind}` of `{subject}` waits in group {group}: it {}", head.why()),
                [Some(head.published), head.last.map(|(event, _)| event)].into_iter().flatten().collect(),
            );
        }
    }
}
