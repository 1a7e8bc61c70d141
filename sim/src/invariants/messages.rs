use seaworthy_core::ids::MessageId;

use super::{Lookup, pages::Pages};

/// Gives each message a small number, in the order in which they turn up, so that those who remember every message of a
/// run keep a short list each and not a map.
///
/// State: one small entry for each message. None is ever forgotten, since it may turn up again at any time.
#[derive(Debug, Default)]
pub(super) struct Messages {
    numbers: Lookup<MessageId, u32>,
    last: Option<(MessageId, u32)>,
}

impl Messages {
    /// The number of a message, a new one if it is new.
    pub(super) fn number(&mut self, id: MessageId) -> usize {
        // Several ask about one event.
        let number = match self.last {
            Some((last, number)) if last == id => number,
            _ => {
                let fresh = self.numbers.len() as u32;
                *self.numbers.get_or_insert_with(id, || fresh)
            }
        };
        self.last = Some((id, number));
        number as usize
    }
}

/// Something for each message, by its number.
#[derive(Debug)]
pub(super) struct ByMessage<T>(Pages<T>);

impl<T> Default for ByMessage<T> {
    fn default() -> Self {
        Self(Pages::default())
    }
}

impl<T: Default> ByMessage<T> {
    /// Returns the entry of a message: the default, if there was none.
    pub(super) fn of(&mut self, message: usize) -> &mut T {
        for _ in self.0.len()..=message {
            self.0.push(T::default());
        }
        self.0.get_mut(message).expect("it is there by now")
    }

    /// Returns the entry of a message, if it or a later one was ever asked for.
    pub(super) fn get(&self, message: usize) -> Option<&T> {
        self.0.get(message)
    }
}
