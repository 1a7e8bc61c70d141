use smol_str::{SmolStr, SmolStrBuilder};

/// Ids of documents that lie side by side in the order of their bytes.
///
/// ```
/// use seaworthy_core::ports::IdRange;
///
/// let lines = IdRange::prefix("order-17/");
/// assert!(lines.contains("order-17/") && lines.contains("order-17/9"));
/// assert!(!lines.contains("order-170"));
/// assert!(!lines.after("order-17/9").contains("order-17/9"), "for the next page");
///
/// let days = IdRange::between("2024-01-01", "2024-02-01");
/// assert!(days.contains("2024-01-31") && !days.contains("2024-02-01"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdRange {
    from: SmolStr,
    until: Option<SmolStr>,
}

impl IdRange {
    /// Returns the range of all ids.
    pub fn all() -> Self {
        Self { from: SmolStr::new_static(""), until: None }
    }

    /// Ids that begin with `prefix`; every id, if it is empty.
    pub fn prefix(prefix: &str) -> Self {
        Self { from: prefix.into(), until: successor(prefix) }
    }

    /// Ids from `from` on, and before `until`.
    pub fn between(from: impl Into<SmolStr>, until: impl Into<SmolStr>) -> Self {
        Self { from: from.into(), until: Some(until.into()) }
    }

    /// Narrows the range to ids after `id`, where the last page has ended.
    #[must_use]
    pub fn after(mut self, id: &str) -> Self {
        if *id >= *self.from {
            // Nothing lies between an id and the same with a zero behind it.
            let mut from = SmolStrBuilder::new();
            from.push_str(id);
            from.push('\0');
            self.from = from.finish();
        }
        self
    }

    /// The first id that may belong to it.
    pub fn from(&self) -> &str {
        &self.from
    }

    /// The first id after it, if there is one.
    pub fn until(&self) -> Option<&str> {
        self.until.as_deref()
    }

    /// Returns `true` if the range contains an id.
    pub fn contains(&self, id: &str) -> bool {
        *id >= *self.from && self.until.as_ref().is_none_or(|until| *id < **until)
    }
}

/// The first text after all that begin with `prefix`: its last letter becomes the next one, as UTF-8 sorts like its letters.
fn successor(prefix: &str) -> Option<SmolStr> {
    let mut rest = prefix;
    while let Some(last) = rest.chars().next_back() {
        rest = &rest[..rest.len() - last.len_utf8()];
        if let Some(next) = (last..=char::MAX).nth(1) {
            let mut after = SmolStrBuilder::new();
            after.push_str(rest);
            after.push(next);
            return Some(after.finish());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_prefix_contains_what_begins_with_it_and_nothing_else(
            prefix in "[ab\u{7f}\u{d7ff}\u{10ffff}]{0,3}",
            id in "[ab\u{7f}\u{80}\u{d7ff}\u{e000}\u{10ffff}]{0,4}",
        ) {
            prop_assert_eq!(IdRange::prefix(&prefix).contains(&id), id.starts_with(&*prefix));
        }

        #[test]
        fn a_page_goes_on_right_after_the_last_one(last in "[a\0]{0,3}", id in "[ab\0]{0,4}") {
            prop_assert_eq!(IdRange::all().after(&last).contains(&id), id > last);
        }
    }

    #[test]
    fn a_page_never_begins_before_its_range() {
        assert_eq!(IdRange::prefix("b").after("a"), IdRange::prefix("b"));
    }
}
