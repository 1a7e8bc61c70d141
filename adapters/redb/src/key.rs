//! Keys as bytes that sort as their parts do, one part after the other.
//!
//! | part | bytes |
//! |---|---|
//! | text | its UTF-8 with each zero followed by `FF`, then two zeros |
//! | count (`u64`) | eight, the highest first |
//! | moment (`i64`, microseconds since the Unix epoch) | eight, the highest first, the sign turned round |
//! | id (UUID) | its sixteen |
//! | kind | one |
//!
//! Such an encoding is the one of FoundationDB's tuples, without their type codes: each table has keys of one shape.

use std::ops::Bound;

use smol_str::SmolStr;
use uuid::Uuid;

/// A key that is being made, or the beginning of one.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(Vec<u8>);

impl Key {
    /// A key that begins with a text.
    pub(crate) fn of_text(text: &str) -> Self {
        Self(Vec::with_capacity(text.len() + 34)).text(text)
    }

    /// A key that begins with a number.
    pub(crate) fn of_count(count: u64) -> Self {
        Self(Vec::with_capacity(16)).count(count)
    }

    /// A key that begins with a moment.
    pub(crate) fn of_moment(micros: i64) -> Self {
        Self(Vec::with_capacity(24)).moment(micros)
    }

    /// A key that begins with an id.
    pub(crate) fn of_id(id: Uuid) -> Self {
        Self(Vec::with_capacity(24)).id(id)
    }

    /// A key that begins with a kind.
    pub(crate) fn of_kind(kind: u8) -> Self {
        Self(Vec::with_capacity(48)).kind(kind)
    }

    pub(crate) fn text(mut self, text: &str) -> Self {
        for byte in text.bytes() {
            self.0.push(byte);
            if byte == 0 {
                self.0.push(0xFF);
            }
        }
        self.0.extend([0, 0]);
        self
    }

    pub(crate) fn count(mut self, count: u64) -> Self {
        self.0.extend(count.to_be_bytes());
        self
    }

    pub(crate) fn moment(mut self, micros: i64) -> Self {
        self.0.extend((micros.cast_unsigned() ^ (1 << 63)).to_be_bytes());
        self
    }

    pub(crate) fn id(mut self, id: Uuid) -> Self {
        self.0.extend(id.into_bytes());
        self
    }

    pub(crate) fn kind(mut self, kind: u8) -> Self {
        self.0.push(kind);
        self
    }

    /// Adds the parts of another key, as they are.
    pub(crate) fn rest(mut self, parts: &[u8]) -> Self {
        self.0.extend(parts);
        self
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// The range of the keys that begin with this one.
    pub(crate) fn prefixed(&self) -> Range {
        Range { from: Bound::Included(self.0.clone()), until: after_all(&self.0) }
    }

    /// The range of the keys that begin with this one and come after all that begin with another one.
    pub(crate) fn prefixed_after(&self, last: &Self) -> Range {
        let from = match after_all(&last.0) {
            Bound::Excluded(first) => Bound::Included(first),
            _ => Bound::Excluded(vec![0xFF; last.0.len() + 1]),
        };
        Range { from, until: after_all(&self.0) }
    }

    /// The range of the keys that begin with this one and lie before all that begin with another one.
    pub(crate) fn prefixed_before(&self, end: Self) -> Range {
        Range { from: Bound::Included(self.0.clone()), until: Bound::Excluded(end.0) }
    }

    /// The range of the keys that begin with this one, up to and with all that begin with another one.
    pub(crate) fn prefixed_until(&self, last: &Self) -> Range {
        Range { from: Bound::Included(self.0.clone()), until: after_all(&last.0) }
    }
}

/// The end of the keys that begin with these bytes.
fn after_all(prefix: &[u8]) -> Bound<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return Bound::Excluded(end);
        }
    }
    Bound::Unbounded
}

/// A range of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) from: Bound<Vec<u8>>,
    pub(crate) until: Bound<Vec<u8>>,
}

impl Range {
    /// The range of all keys.
    pub(crate) const ALL: Self = Self { from: Bound::Unbounded, until: Bound::Unbounded };

    /// Starts the range at another key.
    pub(crate) fn from(mut self, from: Bound<Key>) -> Self {
        self.from = from.map(Key::into_bytes);
        self
    }

    /// Ends the range at another key.
    pub(crate) fn until(mut self, until: Bound<Key>) -> Self {
        self.until = until.map(Key::into_bytes);
        self
    }

    /// Returns `true` for a range that ends before it begins, which is none that a tree can be asked for.
    pub(crate) fn is_empty(&self) -> bool {
        match (&self.from, &self.until) {
            (Bound::Included(from), Bound::Included(until)) => from > until,
            (Bound::Included(from) | Bound::Excluded(from), Bound::Excluded(until))
            | (Bound::Excluded(from), Bound::Included(until)) => from >= until,
            _ => false,
        }
    }
}

/// The parts of a key, from the first to the last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts<'k>(&'k [u8]);

impl<'k> Parts<'k> {
    pub(crate) fn new(key: &'k [u8]) -> Self {
        Self(key)
    }

    /// The parts that were not read yet.
    pub(crate) fn rest(self) -> &'k [u8] {
        self.0
    }

    pub(crate) fn text(&mut self) -> Option<SmolStr> {
        let mut text = Vec::new();
        let mut at = 0;
        loop {
            match (self.0.get(at)?, self.0.get(at + 1)) {
                (0, Some(0)) => break,
                (0, Some(0xFF)) => {
                    text.push(0);
                    at += 2;
                }
                (0, _) => return None,
                (byte, _) => {
                    text.push(*byte);
                    at += 1;
                }
            }
        }
        self.0 = &self.0[at + 2..];
        String::from_utf8(text).ok().map(SmolStr::from)
    }

    pub(crate) fn count(&mut self) -> Option<u64> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_be_bytes(*bytes))
    }

    pub(crate) fn moment(&mut self) -> Option<i64> {
        self.count().map(|bits| (bits ^ (1 << 63)).cast_signed())
    }

    pub(crate) fn kind(&mut self) -> Option<u8> {
        let (kind, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*kind)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Shape = (String, i64, u64);

    fn key((text, moment, count): &Shape) -> Key {
        Key::of_text(text).moment(*moment).count(*count)
    }

    fn shapes() -> impl Strategy<Value = Shape> {
        let text = "[a\0\u{1}\u{7f}\u{ff}\u{10ffff}]{0,3}";
        let moment = prop_oneof![Just(i64::MIN), Just(-1), Just(0), Just(i64::MAX), any::<i64>()];
        (text, moment, prop_oneof![Just(0), Just(u64::MAX), any::<u64>()])
    }

    proptest! {
        #[test]
        fn keys_sort_as_their_parts_do_and_give_them_back(one in shapes(), other in shapes()) {
            prop_assert_eq!(key(&one).cmp(&key(&other)), one.cmp(&other));
            let bytes = key(&one).into_bytes();
            let mut parts = Parts::new(&bytes);
            let read = (parts.text().map(String::from), parts.moment(), parts.count(), parts.rest().len());
            prop_assert_eq!(read, (Some(one.0), Some(one.1), Some(one.2), 0));
        }

        #[test]
        fn a_prefix_is_of_the_keys_that_begin_with_it(one in shapes(), other in shapes()) {
            let range = Key::of_text(&one.0).prefixed();
            let bytes = key(&other).into_bytes();
            prop_assert_eq!((range.from, range.until).contains(&bytes), one.0 == other.0);
        }

        #[test]
        fn bytes_that_are_no_key_are_read_as_none(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            let mut parts = Parts::new(&bytes);
            while parts.text().is_some() || parts.moment().is_some() || parts.kind().is_some() {}
            prop_assert!(parts.rest().is_empty());
        }
    }

    use std::ops::RangeBounds as _;
}
