use std::collections::hash_map::Entry;

use seaworthy_core::ports::RowId;
use smol_str::SmolStr;

use crate::lookup::Lookup;

/// Position of a row among the rows of its key that are not dispatched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// Nothing is before it.
    First = 0,
    /// Only dead rows are before it.
    BehindDead = 1,
    /// A row that is pending or claimed is before it.
    Behind = 2,
}

/// The rows of each key, linked in commit order.
///
/// Most keys have one row at a time, so a list inside the rows' own entries costs no allocation of its own.
#[derive(Clone, Debug, Default)]
pub(super) struct Lanes {
    keys: Lookup<SmolStr, Key>,
    nodes: Lookup<RowId, Node>,
}

#[derive(Clone, Debug)]
struct Key {
    last: RowId,
    /// The earliest row that is pending or claimed.
    first_open: Option<RowId>,
    /// Rows that are claimed under a lease that has not ended.
    out: u32,
    dead: u32,
    /// No dead row lies after this place in the commit order.
    last_dead: u64,
}

#[derive(Clone, Debug)]
struct Node {
    earlier: Option<RowId>,
    later: Option<RowId>,
    /// Its place in the commit order.
    sequence: u64,
    dead: bool,
}

/// A row's successor, and whether it is dead.
pub(super) struct Links {
    pub(super) later: Option<RowId>,
    pub(super) dead: bool,
}

impl Lanes {
    /// Appends a row to its key and says which lane it starts in.
    pub(super) fn push(&mut self, key: &SmolStr, id: RowId, sequence: u64) -> Lane {
        let earlier = match self.keys.entry(key.clone()) {
            Entry::Vacant(new) => {
                new.insert(Key { last: id, first_open: Some(id), out: 0, dead: 0, last_dead: 0 });
                None
            }
            Entry::Occupied(mut key) => {
                let key = key.get_mut();
                key.first_open.get_or_insert(id);
                Some(std::mem::replace(&mut key.last, id))
            }
        };
        if let Some(node) = earlier.and_then(|earlier| self.nodes.get_mut(&earlier)) {
            node.later = Some(id);
        }
        self.nodes.insert(id, Node { earlier, later: None, sequence, dead: false });
        if earlier.is_none() { Lane::First } else { self.lane_of(key, id) }
    }

    /// Puts a row that was settled back into its key, at the place in the commit order that it always had. Returns the row
    /// that led its key before.
    pub(super) fn insert(&mut self, key: &SmolStr, id: RowId, sequence: u64) -> Option<RowId> {
        let Some(last) = self.keys.get(key).map(|key| key.last) else {
            self.push(key, id, sequence);
            return None;
        };
        let (mut earlier, mut later) = (Some(last), None);
        while let Some(at) = earlier
            && let Some(node) = self.nodes.get(&at).filter(|node| node.sequence > sequence)
        {
            (earlier, later) = (node.earlier, Some(at));
        }
        if let Some(node) = earlier.and_then(|earlier| self.nodes.get_mut(&earlier)) {
            node.later = Some(id);
        }
        if let Some(node) = later.and_then(|later| self.nodes.get_mut(&later)) {
            node.earlier = Some(id);
        }
        self.nodes.insert(id, Node { earlier, later, sequence, dead: false });
        let key = self.keys.get_mut(key)?;
        if later.is_none() {
            key.last = id;
        }
        let before = key.first_open;
        if before.and_then(|first| self.nodes.get(&first)).is_none_or(|first| sequence < first.sequence) {
            key.first_open = Some(id);
        }
        before
    }

    /// Takes a row out of its key and returns the one after it.
    pub(super) fn unlink(&mut self, key: &SmolStr, id: RowId) -> Option<RowId> {
        self.pass_on(key, id);
        let Node { earlier, later, dead, .. } = self.nodes.remove(&id)?;
        if let Some(node) = earlier.and_then(|earlier| self.nodes.get_mut(&earlier)) {
            node.later = later;
        }
        if let Some(key) = self.keys.get_mut(key) {
            key.dead -= u32::from(dead);
        }
        match later.and_then(|later| self.nodes.get_mut(&later)) {
            Some(node) => node.earlier = earlier,
            None => match (earlier, self.keys.get_mut(key)) {
                (Some(earlier), Some(key)) => key.last = earlier,
                _ => _ = self.keys.remove(key),
            },
        }
        later
    }

    /// Lets the next open row lead its key, where `id` did.
    fn pass_on(&mut self, key: &SmolStr, id: RowId) {
        if self.keys.get(key).is_none_or(|key| key.first_open != Some(id)) {
            return;
        }
        let mut next = self.nodes.get(&id).and_then(|node| node.later);
        while let Some(node) = next.and_then(|id| self.nodes.get(&id))
            && node.dead
        {
            next = node.later;
        }
        if let Some(key) = self.keys.get_mut(key) {
            key.first_open = next;
        }
    }

    /// Notes that a row of this key was handed to a relay.
    pub(super) fn went_out(&mut self, key: &SmolStr) {
        if let Some(key) = self.keys.get_mut(key) {
            key.out += 1;
        }
    }

    /// Notes that a row of this key was settled, or that its lease has ended.
    pub(super) fn came_back(&mut self, key: &SmolStr) {
        if let Some(key) = self.keys.get_mut(key) {
            key.out -= 1;
        }
    }

    /// Returns `true` if a relay has a row of this key. It may be a later one than the first that waits: where an
    /// earlier row was redriven meanwhile, or where it was claimed out of order.
    pub(super) fn is_out(&self, key: &SmolStr) -> bool {
        self.keys.get(key).is_some_and(|key| key.out > 0)
    }

    /// Notes that a row has died.
    pub(super) fn died(&mut self, key: &SmolStr, id: RowId) {
        self.pass_on(key, id);
        let Some(node) = self.nodes.get_mut(&id) else { return };
        node.dead = true;
        if let Some(key) = self.keys.get_mut(key) {
            key.dead += 1;
            key.last_dead = key.last_dead.max(node.sequence);
        }
    }

    /// Notes that a dead row is pending again. Returns the row that led its key before.
    pub(super) fn revived(&mut self, key: &SmolStr, id: RowId) -> Option<RowId> {
        let node = self.nodes.get_mut(&id)?;
        node.dead = false;
        let sequence = node.sequence;
        let key = self.keys.get_mut(key)?;
        key.dead -= 1;
        let before = key.first_open;
        if before.and_then(|first| self.nodes.get(&first)).is_none_or(|first| sequence < first.sequence) {
            key.first_open = Some(id);
        }
        before
    }

    pub(super) fn links(&self, id: RowId) -> Links {
        let node = self.nodes.get(&id);
        Links { later: node.and_then(|node| node.later), dead: node.is_some_and(|node| node.dead) }
    }

    /// Returns the number of dead rows of its key before a row. Where none lies after it, as in a key that goes out in
    /// order, nothing is walked over.
    pub(super) fn dead_before(&self, key: &SmolStr, id: RowId) -> u32 {
        let (Some(key), Some(node)) = (self.keys.get(key), self.nodes.get(&id)) else { return 0 };
        if node.sequence > key.last_dead {
            return key.dead;
        }
        let mut dead = 0;
        let mut earlier = node.earlier;
        while let Some(node) = earlier.and_then(|id| self.nodes.get(&id)) {
            dead += u32::from(node.dead);
            earlier = node.earlier;
        }
        dead
    }

    /// The lane that an open row belongs to. Before the first that is open there are dead ones only.
    pub(super) fn lane_of(&self, key: &SmolStr, id: RowId) -> Lane {
        if self.keys.get(key).is_none_or(|key| key.first_open != Some(id)) {
            Lane::Behind
        } else if self.nodes.get(&id).is_some_and(|node| node.earlier.is_some()) {
            Lane::BehindDead
        } else {
            Lane::First
        }
    }
}
