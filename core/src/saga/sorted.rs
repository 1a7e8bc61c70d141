//! A sorted map of which a new version shares all with the old one but the way to what has changed: a tree balanced by weight,
//! so that it also says where a key stands.
//!
//! A saga's state is copied at each of its commits, with the signals that it keeps. For ten thousand of them a plain map would
//! be copied ten thousand times.
//!
//! Source: Adams, Efficient Sets: A Balancing Act (1993); the bounds are those of Hirai and Yamamoto, Balancing Weight-Balanced
//! Trees (2011).

use std::{cmp::Ordering, sync::Arc};

use super::work;

/// Times that one side may be larger than the other.
const SKEW: usize = 3;
/// Times that the inner side of the larger one may be larger than its outer side, for one turn to be enough.
const INNER: usize = 2;

type Link<K, V> = Option<Arc<Node<K, V>>>;

struct Node<K, V> {
    key: K,
    value: V,
    size: usize,
    left: Link<K, V>,
    right: Link<K, V>,
}

/// A sorted map. A clone shares everything with the original.
pub(super) struct Sorted<K, V> {
    root: Link<K, V>,
}

impl<K, V> Sorted<K, V> {
    pub(super) const fn new() -> Self {
        Self { root: None }
    }

    /// Returns its entries in the order of their keys.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&K, &V)> {
        let mut above = Vec::new();
        let mut next = self.root.as_deref();
        std::iter::from_fn(move || {
            while let Some(node) = next {
                above.push(node);
                next = node.left.as_deref();
            }
            let node = above.pop()?;
            next = node.right.as_deref();
            Some((&node.key, &node.value))
        })
    }
}

impl<K: Ord, V> Sorted<K, V> {
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        let mut next = self.root.as_deref();
        while let Some(node) = next {
            work::done(1);
            next = match key.cmp(&node.key) {
                Ordering::Less => node.left.as_deref(),
                Ordering::Equal => return Some(&node.value),
                Ordering::Greater => node.right.as_deref(),
            };
        }
        None
    }

    /// Returns the entry of the smallest key that is not before this one.
    pub(super) fn first_from(&self, key: &K) -> Option<(&K, &V)> {
        let (mut next, mut found) = (self.root.as_deref(), None);
        while let Some(node) = next {
            work::done(1);
            next = if node.key < *key {
                node.right.as_deref()
            } else {
                found = Some((&node.key, &node.value));
                node.left.as_deref()
            };
        }
        found
    }

    /// Returns the number of keys before this one.
    pub(super) fn rank(&self, key: &K) -> usize {
        let (mut next, mut before) = (self.root.as_deref(), 0);
        while let Some(node) = next {
            work::done(1);
            next = if node.key < *key {
                before += size(&node.left) + 1;
                node.right.as_deref()
            } else {
                node.left.as_deref()
            };
        }
        before
    }
}

impl<K: Ord + Clone, V: Clone> Sorted<K, V> {
    pub(super) fn insert(&mut self, key: K, value: V) {
        self.root = Some(inserted(self.root.as_deref(), key, value));
    }

    /// Takes an entry out, and returns its value.
    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        let (root, value) = removed(self.root.as_deref()?, key)?;
        self.root = root;
        Some(value)
    }
}

fn inserted<K: Ord + Clone, V: Clone>(node: Option<&Node<K, V>>, key: K, value: V) -> Arc<Node<K, V>> {
    work::done(1);
    let Some(node) = node else { return joined(key, value, None, None) };
    let (left, right) = (node.left.clone(), node.right.clone());
    match key.cmp(&node.key) {
        Ordering::Less => {
            let left = Some(inserted(node.left.as_deref(), key, value));
            balanced(node.key.clone(), node.value.clone(), left, right)
        }
        Ordering::Equal => joined(key, value, left, right),
        Ordering::Greater => {
            let right = Some(inserted(node.right.as_deref(), key, value));
            balanced(node.key.clone(), node.value.clone(), left, right)
        }
    }
}

fn removed<K: Ord + Clone, V: Clone>(node: &Node<K, V>, key: &K) -> Option<(Link<K, V>, V)> {
    work::done(1);
    let (left, right) = (node.left.clone(), node.right.clone());
    match key.cmp(&node.key) {
        Ordering::Less => {
            let (left, value) = removed(node.left.as_deref()?, key)?;
            Some((Some(balanced(node.key.clone(), node.value.clone(), left, right)), value))
        }
        Ordering::Equal => {
            let rest = match right.as_deref() {
                None => left,
                Some(after) => {
                    let (right, key, value) = without_first(after);
                    Some(balanced(key, value, left, right))
                }
            };
            Some((rest, node.value.clone()))
        }
        Ordering::Greater => {
            let (right, value) = removed(node.right.as_deref()?, key)?;
            Some((Some(balanced(node.key.clone(), node.value.clone(), left, right)), value))
        }
    }
}

fn without_first<K: Clone, V: Clone>(node: &Node<K, V>) -> (Link<K, V>, K, V) {
    work::done(1);
    match node.left.as_deref() {
        None => (node.right.clone(), node.key.clone(), node.value.clone()),
        Some(before) => {
            let (left, key, value) = without_first(before);
            (Some(balanced(node.key.clone(), node.value.clone(), left, node.right.clone())), key, value)
        }
    }
}

/// Puts two sides together, of which one may have become too large by one entry.
fn balanced<K: Clone, V: Clone>(key: K, value: V, left: Link<K, V>, right: Link<K, V>) -> Arc<Node<K, V>> {
    match (&left, &right) {
        (_, Some(larger)) if is_skewed(&left, &right) => {
            let (own, outer) = ((larger.key.clone(), larger.value.clone()), larger.right.clone());
            match &larger.left {
                Some(inner) if weight(&larger.left) >= INNER * weight(&outer) => {
                    let left = joined(key, value, left, inner.left.clone());
                    let right = joined(own.0, own.1, inner.right.clone(), outer);
                    joined(inner.key.clone(), inner.value.clone(), Some(left), Some(right))
                }
                inner => joined(own.0, own.1, Some(joined(key, value, left, inner.clone())), outer),
            }
        }
        (Some(larger), _) if is_skewed(&right, &left) => {
            let (own, outer) = ((larger.key.clone(), larger.value.clone()), larger.left.clone());
            match &larger.right {
                Some(inner) if weight(&larger.right) >= INNER * weight(&outer) => {
                    let right = joined(key, value, inner.right.clone(), right);
                    let left = joined(own.0, own.1, outer, inner.left.clone());
                    joined(inner.key.clone(), inner.value.clone(), Some(left), Some(right))
                }
                inner => joined(own.0, own.1, outer, Some(joined(key, value, inner.clone(), right))),
            }
        }
        _ => joined(key, value, left, right),
    }
}

fn joined<K, V>(key: K, value: V, left: Link<K, V>, right: Link<K, V>) -> Arc<Node<K, V>> {
    work::done(1);
    let size = size(&left) + 1 + size(&right);
    Arc::new(Node { key, value, size, left, right })
}

fn size<K, V>(link: &Link<K, V>) -> usize {
    link.as_ref().map_or(0, |node| node.size)
}

fn weight<K, V>(link: &Link<K, V>) -> usize {
    size(link) + 1
}

fn is_skewed<K, V>(smaller: &Link<K, V>, larger: &Link<K, V>) -> bool {
    weight(larger) > SKEW * weight(smaller)
}

impl<K, V> Clone for Sorted<K, V> {
    fn clone(&self) -> Self {
        Self { root: self.root.clone() }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn depth(link: &Link<u32, u32>) -> usize {
        link.as_ref().map_or(0, |node| 1 + depth(&node.left).max(depth(&node.right)))
    }

    /// No side of any node has outgrown the other.
    fn is_even(link: &Link<u32, u32>) -> bool {
        link.as_ref().is_none_or(|node| {
            let (left, right) = (&node.left, &node.right);
            !is_skewed(left, right) && !is_skewed(right, left) && is_even(left) && is_even(right)
        })
    }

    #[test]
    fn it_is_a_map_whatever_comes_and_goes_and_older_versions_stay_as_they_were() {
        let (mut map, mut model) = (Sorted::new(), BTreeMap::new());
        let mut dice = 0x9e37_79b9_7f4a_7c15_u64;
        let mut roll = |below: u64| {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            (dice % below) as u32
        };
        for round in 0..4_000 {
            let (before, was) = (map.clone(), model.clone());
            let key = roll(200);
            if roll(5) < 3 {
                map.insert(key, round);
                model.insert(key, round);
            } else {
                assert_eq!(map.remove(&key), model.remove(&key));
            }
            assert!(map.entries().eq(&model) && before.entries().eq(&was), "round {round}");
            assert!(is_even(&map.root), "round {round}");
            let key = roll(201);
            assert_eq!((map.get(&key), map.rank(&key)), (model.get(&key), model.range(..key).count()));
            assert_eq!(map.first_from(&key), model.range(key..).next());
        }
    }

    #[test]
    fn it_stays_flat_in_whatever_order_keys_come_and_go() {
        const COUNT: u32 = 4_096;
        for turn in [|key: u32| key, |key: u32| COUNT - key, |key: u32| key.reverse_bits()] {
            let mut map = Sorted::new();
            (0..COUNT).for_each(|key| map.insert(turn(key), key));
            assert!(is_even(&map.root));
            assert!(depth(&map.root) <= 24, "{}", depth(&map.root));
            (0..COUNT - 16).for_each(|key| assert_eq!(map.remove(&turn(key)), Some(key)));
            assert!(depth(&map.root) <= 8, "{}", depth(&map.root));
            assert_eq!(map.entries().count(), 16);
        }
    }
}
