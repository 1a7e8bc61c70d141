use std::{
    collections::VecDeque,
    ops::{Index, IndexMut},
};

/// Things by place, a number that none shares and that says the order in which they came. Those that are gone take up no room
/// once all before them are gone.
#[derive(Clone, Debug)]
pub(super) struct Places<T> {
    /// Place of the first entry.
    first: usize,
    entries: VecDeque<Option<T>>,
}

impl<T> Default for Places<T> {
    fn default() -> Self {
        Self { first: 0, entries: VecDeque::new() }
    }
}

impl<T> Places<T> {
    /// Returns the place of the next one.
    pub(super) fn next(&self) -> usize {
        self.first + self.entries.len()
    }

    pub(super) fn push(&mut self, entry: T) {
        self.entries.push_back(Some(entry));
    }

    pub(super) fn remove(&mut self, place: usize) -> Option<T> {
        let removed = self.entries.get_mut(place.checked_sub(self.first)?)?.take();
        while matches!(self.entries.front(), Some(None)) {
            self.entries.pop_front();
            self.first += 1;
        }
        removed
    }

    /// All that are there with their places, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        (self.first..).zip(&self.entries).filter_map(|(place, entry)| Some((place, entry.as_ref()?)))
    }
}

/// Places are kept by nobody once what was there is gone, so that asking for one is a mistake of the store's own.
impl<T> Index<usize> for Places<T> {
    type Output = T;

    fn index(&self, place: usize) -> &T {
        self.entries[place - self.first].as_ref().expect("what is in an index is there")
    }
}

impl<T> IndexMut<usize> for Places<T> {
    fn index_mut(&mut self, place: usize) -> &mut T {
        self.entries[place - self.first].as_mut().expect("what is in an index is there")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_takes_up_no_room_once_all_before_it_is_gone_and_places_stay() {
        let mut places = Places::default();
        for letter in 'a'..='e' {
            places.push(letter);
        }
        assert_eq!(places.remove(1), Some('b'));
        assert_eq!((places.entries.len(), places.next()), (5, 5), "one before it is there yet");
        assert_eq!(places.remove(0), Some('a'));
        assert_eq!((places.entries.len(), places.next()), (3, 5));
        assert_eq!((places[2], places.remove(0), places.remove(9)), ('c', None, None));
        places.push('f');
        places[5] = 'g';
        assert_eq!(places.iter().collect::<Vec<_>>(), [(2, &'c'), (3, &'d'), (4, &'e'), (5, &'g')]);
    }
}
