/// A list that only grows, and never moves what is in it: one that doubles holds a run's every message three times over
/// at the moment at which it grows.
#[derive(Clone, Debug)]
pub(super) struct Pages<T>(Vec<Vec<T>>);

/// Entries of a page. The first one grows as any list does, since most runs are short.
const PAGE: usize = 4_096;

impl<T> Default for Pages<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Pages<T> {
    pub(super) fn len(&self) -> usize {
        self.0.last().map_or(0, |last| (self.0.len() - 1) * PAGE + last.len())
    }

    pub(super) fn push(&mut self, entry: T) {
        match self.0.last_mut() {
            Some(last) if last.len() < PAGE => last.push(entry),
            last => {
                let mut page = Vec::with_capacity(if last.is_some() { PAGE } else { 16 });
                page.push(entry);
                self.0.push(page);
            }
        }
    }

    pub(super) fn get(&self, index: usize) -> Option<&T> {
        self.0.get(index / PAGE)?.get(index % PAGE)
    }

    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        self.0.get_mut(index / PAGE)?.get_mut(index % PAGE)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut().flatten()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_stand_where_they_were_put() {
        let mut pages = Pages::default();
        for number in 0..3 * PAGE {
            assert_eq!(pages.len(), number);
            pages.push(number);
        }
        assert!(pages.iter().copied().eq(0..3 * PAGE));
        *pages.get_mut(2 * PAGE).expect("it was put there") = 7;
        assert_eq!((pages.get(PAGE), pages.get(2 * PAGE), pages.get(3 * PAGE)), (Some(&PAGE), Some(&7), None));
    }
}
