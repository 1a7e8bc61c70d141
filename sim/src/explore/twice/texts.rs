use uuid::Uuid;

/// Two words at one place of two texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    /// Text that both have before it.
    pub(super) before: String,
    pub(super) one: String,
    pub(super) other: String,
}

impl Pair {
    /// The numbers at the end of both, where what stands before them is the same: `id-7` and `id-8`.
    pub(super) fn last_numbers(&self) -> Option<(u64, u64)> {
        let split = |word: &str| -> Option<(usize, u64)> {
            let digits = word.bytes().rev().take_while(u8::is_ascii_digit).count();
            let at = word.len() - digits;
            Some((at, word[at..].parse().ok()?))
        };
        let ((at, one), (other_at, other)) = (split(&self.one)?, split(&self.other)?);
        (self.one[..at] == self.other[..other_at]).then_some((one, other))
    }

    /// Both as numbers, decimal or hexadecimal with `0x`, where they are.
    pub(super) fn numbers(&self) -> Option<(u64, u64)> {
        Some((crate::hexadecimal::parse(&self.one)?, crate::hexadecimal::parse(&self.other)?))
    }
}

/// The words in which two texts differ, where they are otherwise alike. None where they are not.
pub(super) fn differing(one: &str, other: &str) -> Vec<Pair> {
    let (one, other) = (words(one), words(other));
    if one.len() != other.len() {
        return Vec::new();
    }
    let mut pairs = Vec::new();
    let mut before = "";
    for (one, other) in one.into_iter().zip(other) {
        if one != other {
            pairs.push(Pair { before: before.to_owned(), one: one.to_owned(), other: other.to_owned() });
        }
        before = one;
    }
    pairs
}

/// The words of a text in the order of the alphabet: the same for two texts that say the same in another order.
pub(super) fn sorted_words(text: &str) -> Vec<&str> {
    let mut words = words(text);
    words.sort_unstable();
    words
}

fn words(text: &str) -> Vec<&str> {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '-' || letter == '_';
    text.split(|letter: char| !is_part(letter)).filter(|word| !word.is_empty()).collect()
}

pub(super) fn is_uuid(word: &str) -> bool {
    word.len() == 36 && Uuid::try_parse(word).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_differ_are_found_with_what_stands_before_them() {
        let pairs = differing("put ThreadId(3) of order-1", "put ThreadId(5) of order-1");
        assert_eq!(pairs, [Pair { before: "ThreadId".into(), one: "3".into(), other: "5".into() }]);
        assert_eq!(differing("one two", "one"), [], "these differ in more than words");
        assert_eq!(sorted_words("b, a (c)"), sorted_words("c a b"));
        let pair = Pair { before: String::new(), one: "0x1f".into(), other: "31".into() };
        assert_eq!(pair.numbers(), Some((31, 31)));
        let pair = |one: &str, other: &str| Pair { before: String::new(), one: one.into(), other: other.into() };
        assert_eq!(pair("id-9", "id-10").last_numbers(), Some((9, 10)));
        assert_eq!(pair("id-9", "no-10").last_numbers(), None);
        assert_eq!(pair("id-", "id-10").last_numbers(), None);
    }
}
