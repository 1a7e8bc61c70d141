use std::{cmp::Reverse, collections::BinaryHeap};

/// That one event led to another, and how far apart they are for whoever walks from one to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) cause: u32,
    pub(super) effect: u32,
    /// From the effect to its cause.
    pub(super) to_cause: u32,
    /// From the cause to its effect.
    pub(super) to_effect: u32,
}

/// Events, by position, and the links between them.
#[derive(Debug)]
pub(super) struct Graph {
    links: Vec<Link>,
    /// For each event, where its part of `ends` begins; one more at the end.
    starts: Vec<u32>,
    /// Positions in `links`, grouped by event: each link is at both of its ends.
    ends: Vec<u32>,
}

/// Distance of an event that can't be reached.
pub(in crate::story) const FAR: u32 = u32::MAX;

impl Graph {
    pub(super) fn new(events: usize, links: Vec<Link>) -> Self {
        let mut starts = vec![0_u32; events + 1];
        for link in &links {
            starts[link.cause as usize + 1] += 1;
            starts[link.effect as usize + 1] += 1;
        }
        for event in 0..events {
            starts[event + 1] += starts[event];
        }
        let mut next = starts.clone();
        let mut ends = vec![0; links.len() * 2];
        for (index, link) in (0_u32..).zip(&links) {
            for event in [link.cause, link.effect] {
                let place = &mut next[event as usize];
                ends[*place as usize] = index;
                *place += 1;
            }
        }
        Self { links, starts, ends }
    }

    /// Returns the distance of each event from the nearest root, a root being given with its own distance; [`FAR`]
    /// beyond `limit`. Steps to an effect later than `last` cost `later` more.
    pub(super) fn distances(&self, roots: &[(u32, u32)], limit: u32, last: Option<u32>, later: u32) -> Vec<u32> {
        let mut distances = vec![FAR; self.starts.len() - 1];
        let mut ahead = BinaryHeap::new();
        for &(root, distance) in roots {
            if distance < distances[root as usize] {
                distances[root as usize] = distance;
                ahead.push(Reverse((distance, root)));
            }
        }
        while let Some(Reverse((distance, event))) = ahead.pop() {
            if distance > distances[event as usize] {
                continue;
            }
            let range = self.starts[event as usize] as usize..self.starts[event as usize + 1] as usize;
            for link in self.ends[range].iter().map(|index| &self.links[*index as usize]) {
                let (other, step) = if link.effect == event {
                    (link.cause, link.to_cause)
                } else {
                    let too_late = last.is_some_and(|last| link.effect > last);
                    (link.effect, link.to_effect + if too_late { later } else { 0 })
                };
                let reached = distance + step;
                if reached <= limit && reached < distances[other as usize] {
                    distances[other as usize] = reached;
                    ahead.push(Reverse((reached, other)));
                }
            }
        }
        distances
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(cause: u32, effect: u32) -> Link {
        Link { cause, effect, to_cause: 1, to_effect: 3 }
    }

    #[test]
    fn causes_are_nearer_than_effects_and_what_comes_too_late_is_farther() {
        let graph = Graph::new(6, vec![link(0, 1), link(1, 2), link(2, 3), link(3, 4)]);
        assert_eq!(graph.distances(&[(2, 0)], 100, None, 0), [2, 1, 0, 3, 6, FAR]);
        assert_eq!(graph.distances(&[(2, 0)], 100, Some(3), 10), [2, 1, 0, 3, 16, FAR]);
        assert_eq!(graph.distances(&[(2, 0)], 2, None, 0), [2, 1, 0, FAR, FAR, FAR]);
        assert_eq!(graph.distances(&[(4, 0), (0, 1)], 100, None, 0), [1, 3, 2, 1, 0, FAR]);
    }
}
