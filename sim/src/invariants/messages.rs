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

    /// The number of a message that has turned up.
    pub(super) fn known(&self, id: MessageId) -> Option<usize> {
        self.numbers.get(&id).map(|number| *number as usize)
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

    /// Visits every entry.
    pub(super) fn each(&mut self, visit: impl FnMut(&mut T)) {
        self.0.iter_mut().for_each(visit);
    }

    /// Returns the entry of a message, if it or a later one was ever asked for.
    pub(super) fn get(&self, message: usize) -> Option<&T> {
        self.0.get(message)
    }
}

/// A set of groups for each message, by its number: a bit for each of the two.
#[derive(Debug)]
pub(super) struct GroupSets {
    words: Pages<u64>,
    /// Bits of one set.
    width: usize,
}

impl GroupSets {
    /// Empty sets of so many groups, at most 64.
    pub(super) fn new(groups: usize) -> Self {
        Self { words: Pages::default(), width: groups.clamp(1, 64) }
    }

    /// Adds a group to the set of a message.
    pub(super) fn add(&mut self, message: usize, group: usize) {
        let (word, shift) = self.place(message);
        for _ in self.words.len()..=word {
            self.words.push(0);
        }
        *self.words.get_mut(word).expect("it is there by now") |= 1 << (shift + group);
    }

    /// Returns the set of a message.
    pub(super) fn of(&self, message: usize) -> u64 {
        let (word, shift) = self.place(message);
        self.words.get(word).map_or(0, |word| word >> shift & (u64::MAX >> (64 - self.width)))
    }

    fn place(&self, message: usize) -> (usize, usize) {
        let in_word = 64 / self.width;
        (message / in_word, message % in_word * self.width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_groups_is_its_own_messages_however_many_groups_there_are() {
        for groups in [1, 2, 3, 5, 31, 33, 64] {
            let mut sets = GroupSets::new(groups);
            let is_in = |message: usize, group: usize| (message * 7 + group * 3) % 5 < 2;
            for message in (0..300).rev() {
                (0..groups).filter(|group| is_in(message, *group)).for_each(|group| sets.add(message, group));
            }
            for message in 0..300 {
                let set = (0..groups).filter(|group| is_in(message, *group)).fold(0, |set, group| set | 1 << group);
                assert_eq!(sets.of(message), set, "message {message} of {groups} groups");
            }
            assert_eq!(sets.of(1_000), 0);
        }
    }
}
