use std::{collections::BTreeMap, sync::Arc};

use seaworthy_core::{ids::MessageId, message::Message};
use smol_str::SmolStr;

use super::{Changes, Held, Thing};

/// Messages that the broker has accepted, and the groups that got them.
#[derive(Debug, Default)]
pub(super) struct Letters(BTreeMap<MessageId, Letter>);

#[derive(Debug, Default)]
struct Letter {
    /// Kind, subject and topic.
    about: String,
    /// Number of times that it was accepted.
    copies: u32,
    /// Standing with each consumer group that got it.
    groups: BTreeMap<SmolStr, Standing>,
}

#[derive(Debug)]
enum Standing {
    /// Somebody has it in hand: who, as which delivery.
    HandedOver(String),
    GivenBack,
    Acknowledged,
}

impl Letters {
    pub(super) fn accept(&mut self, message: &Arc<Message>, changes: &mut Changes<'_>) {
        let letter = self.letter(message);
        letter.copies += 1;
        self.tell(message.id, changes);
    }

    pub(super) fn hand_over(&mut self, message: &Arc<Message>, group: &SmolStr, to: String, changes: &mut Changes<'_>) {
        self.letter(message).groups.insert(group.clone(), Standing::HandedOver(to));
        self.tell(message.id, changes);
    }

    pub(super) fn acknowledge(&mut self, message: MessageId, group: &SmolStr, changes: &mut Changes<'_>) {
        self.0.entry(message).or_default().groups.insert(group.clone(), Standing::Acknowledged);
        self.tell(message, changes);
    }

    pub(super) fn give_back(&mut self, message: MessageId, group: &SmolStr, changes: &mut Changes<'_>) {
        self.0.entry(message).or_default().groups.insert(group.clone(), Standing::GivenBack);
        self.tell(message, changes);
    }

    fn letter(&mut self, message: &Message) -> &mut Letter {
        let letter = self.0.entry(message.id).or_default();
        if letter.about.is_empty() {
            letter.about = format!("{} of {} on {}", message.kind, message.subject, message.topic);
        }
        letter
    }

    fn tell(&self, message: MessageId, changes: &mut Changes<'_>) {
        let Some(letter) = self.0.get(&message) else { return };
        let thing = Thing { store: None, part: SmolStr::new_static("messages"), key: message.to_string() };
        changes.tell_of(thing, || Some(letter.held()));
    }
}

impl Letter {
    fn held(&self) -> Held {
        let standing = |(group, standing): (&SmolStr, &Standing)| match standing {
            Standing::HandedOver(to) => format!("{group}: {to}"),
            Standing::GivenBack => format!("{group}: given back"),
            Standing::Acknowledged => format!("{group}: acknowledged"),
        };
        let groups: Vec<String> = self.groups.iter().map(standing).collect();
        let state = if groups.is_empty() { "accepted".to_owned() } else { groups.join(", ") };
        let copies = if self.copies > 1 { format!(", accepted {} times", self.copies) } else { String::new() };
        let is_done = |standing: &Standing| matches!(standing, Standing::Acknowledged);
        let is_settled = !groups.is_empty() && self.groups.values().all(is_done);
        Held::new(state, format!("{}{copies}", self.about), is_settled)
    }
}
