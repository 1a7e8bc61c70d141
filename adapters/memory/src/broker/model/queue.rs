use std::{
    collections::{VecDeque, hash_map::Entry},
    sync::Arc,
};

use seaworthy_core::message::Message;
use smol_str::SmolStr;

use crate::lookup::Lookup;

/// A message's place in the order in which its group accepted it.
pub(super) type Position = u64;

/// Messages of a group, in the order in which it accepted them, with the messages of each key linked.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// The copies from position `base` on; `None` where one was acknowledged.
    copies: VecDeque<Option<Held>>,
    base: Position,
    /// The last message of each key.
    last: Lookup<SmolStr, Position>,
    len: usize,
    /// Size of the messages that are here.
    bytes: usize,
}

/// One copy of a message.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) message: Arc<Message>,
    pub(super) deliveries: u32,
    later: Option<Position>,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Size of the messages that are here, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    fn index(&self, position: Position) -> Option<usize> {
        position.checked_sub(self.base).and_then(|index| usize::try_from(index).ok())
    }

    pub(super) fn get_mut(&mut self, position: Position) -> Option<&mut Held> {
        let index = self.index(position)?;
        self.copies.get_mut(index)?.as_mut()
    }

    /// Appends a message. Returns its place, and whether it is the first of its key.
    pub(super) fn push(&mut self, message: Arc<Message>) -> (Position, bool) {
        let position = self.base + self.copies.len() as u64;
        let earlier = match self.last.entry(message.partition_key.clone()) {
            Entry::Vacant(new) => {
                new.insert(position);
                None
            }
            Entry::Occupied(mut last) => Some(last.insert(position)),
        };
        if let Some(before) = earlier.and_then(|earlier| self.get_mut(earlier)) {
            before.later = Some(position);
        }
        self.bytes += size(&message);
        self.copies.push_back(Some(Held { message, deliveries: 0, later: None }));
        self.len += 1;
        (position, earlier.is_none())
    }

    /// Takes the first message of a key out and returns the next one of the key.
    pub(super) fn remove(&mut self, position: Position) -> Option<Position> {
        let index = self.index(position)?;
        let Held { message, later, .. } = self.copies.get_mut(index)?.take()?;
        self.len -= 1;
        self.bytes -= size(&message);
        if later.is_none() {
            self.last.remove(&message.partition_key);
        }
        while self.copies.front().is_some_and(Option::is_none) {
            self.copies.pop_front();
            self.base += 1;
        }
        later
    }

    /// All copies, in order.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Held> {
        self.copies.iter().flatten()
    }
}

/// Size of an envelope without its payload, its texts being short.
const ENVELOPE_BYTES: usize = 512;

/// Size of a message in memory, near enough.
pub(super) fn size(message: &Message) -> usize {
    ENVELOPE_BYTES + message.data.len()
}
