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
#[derive(Debug, Default)]
pub(super) struct Lanes {
    keys: Lookup<SmolStr, Key>,
    nodes: Lookup<RowId, Node>,
}

#[derive(Debug)]
struct Key {
    last: RowId,
    /// Rows that are claimed under a lease that has not ended.
    out: u32,
}

#[derive(Debug)]
struct Node {
    earlier: Option<RowId>,
    later: Option<RowId>,
    dead: bool,
}

/// A row's successor, and whether it is dead.
pub(super) struct Links {
    pub(super) later: Option<RowId>,
    pub(super) dead: bool,
}

impl Lanes {
    /// Appends a row to its key and says which lane it starts in.
    pub(super) fn push(&mut self, key: &SmolStr, id: RowId) -> Lane {
        let earlier = match self.keys.entry(key.clone()) {
            Entry::Vacant(new) => {
                new.insert(Key { last: id, out: 0 });
                None
            }
            Entry::Occupied(mut key) => Some(std::mem::replace(&mut key.get_mut().last, id)),
        };
        if let Some(node) = earlier.and_then(|earlier| self.nodes.get_mut(&earlier)) {
            node.later = Some(id);
        }
        self.nodes.insert(id, Node { earlier, later: None, dead: false });
        if earlier.is_none() { Lane::First } else { self.lane_of(id) }
    }

    /// Takes a row out of its key and returns the one after it.
    pub(super) fn unlink(&mut self, key: &SmolStr, id: RowId) -> Option<RowId> {
        let Node { earlier, later, .. } = self.nodes.remove(&id)?;
        if let Some(node) = earlier.and_then(|earlier| self.nodes.get_mut(&earlier)) {
            node.later = later;
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

    pub(super) fn set_dead(&mut self, id: RowId, dead: bool) {
        if let Some(node) = self.nodes.get_mut(&id) {
            node.dead = dead;
        }
    }

    pub(super) fn links(&self, id: RowId) -> Links {
        let node = self.nodes.get(&id);
        Links { later: node.and_then(|node| node.later), dead: node.is_some_and(|node| node.dead) }
    }

    /// Returns the number of dead rows of its key before a row. Walks over all that is before it: not for when nothing
    /// is dead.
    pub(super) fn dead_before(&self, id: RowId) -> u32 {
        let mut dead = 0;
        let mut earlier = self.nodes.get(&id).and_then(|node| node.earlier);
        while let Some(node) = earlier.and_then(|id| self.nodes.get(&id)) {
            dead += u32::from(node.dead);
            earlier = node.earlier;
        }
        dead
    }

    /// The lane that a row belongs to: its predecessors are looked at until one is alive.
    pub(super) fn lane_of(&self, id: RowId) -> Lane {
        let mut lane = Lane::First;
        let mut earlier = self.nodes.get(&id).and_then(|node| node.earlier);
        while let Some(node) = earlier.and_then(|id| self.nodes.get(&id)) {
            if !node.dead {
                return Lane::Behind;
            }
            lane = Lane::BehindDead;
            earlier = node.earlier;
        }
        lane
    }
}
