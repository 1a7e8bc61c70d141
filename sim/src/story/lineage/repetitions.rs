use std::collections::BTreeMap;

use super::graph::Link;

/// So many like events are told one by one.
const KEPT: usize = 3;

/// Distance of a like event from the first one and the last one of its kind: what led to the one may have led to the other.
const TO_ENDS: u32 = 1;
/// Distance of any other like event from those two.
const FROM_ENDS: u32 = 2;

/// Events that say the same thing again and again.
#[derive(Debug, Default)]
pub(in crate::story) struct Repetitions(Vec<Repetition>);

/// More than [`KEPT`] events that say the same thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::story) struct Repetition {
    /// Their positions, in order.
    pub(in crate::story) positions: Vec<u32>,
    /// `true` if it is how things go when there is nothing to do: a look at the outbox, a lock that is renewed. How often
    /// and when it was done tells nothing.
    pub(in crate::story) is_routine: bool,
}

impl Repetitions {
    /// Finds those among events of which each is given with its likeness, in the order of the trace, and whether it is
    /// routine.
    pub(super) fn among(events: impl Iterator<Item = (u32, u64, bool)>) -> Self {
        let mut alike: BTreeMap<u64, Repetition> = BTreeMap::new();
        for (position, likeness, is_routine) in events {
            let new = || Repetition { positions: Vec::new(), is_routine };
            alike.entry(likeness).or_insert_with(new).positions.push(position);
        }
        Self(alike.into_values().filter(|repetition| repetition.positions.len() > KEPT).collect())
    }

    /// Each of them.
    pub(in crate::story) fn iter(&self) -> impl Iterator<Item = &Repetition> {
        self.0.iter()
    }

    /// The links between like events, however many there are.
    pub(super) fn links(&self) -> impl Iterator<Item = Link> {
        self.iter().filter(|repetition| !repetition.is_routine).flat_map(|Repetition { positions, .. }| {
            let (first, last) = (positions[0], positions[positions.len() - 1]);
            let from_first = positions[1..].iter().map(move |effect| (first, *effect, TO_ENDS, FROM_ENDS));
            let to_last = positions[..positions.len() - 1].iter().map(move |cause| (*cause, last, FROM_ENDS, TO_ENDS));
            let links = from_first.chain(to_last);
            links.map(|(cause, effect, to_cause, to_effect)| Link { cause, effect, to_cause, to_effect })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_more_than_thrice_is_a_repetition() {
        let said = [7, 8, 7, 9, 7, 8, 8, 7];
        let repetitions = Repetitions::among((0..).zip(said).map(|(position, said)| (position, said, false)));
        let found: Vec<&[u32]> = repetitions.iter().map(|repetition| &repetition.positions[..]).collect();
        assert_eq!(found, [[0, 2, 4, 7]]);
        let from_last: Vec<u32> = repetitions.links().filter(|link| link.effect == 7).map(|link| link.cause).collect();
        assert_eq!(from_last, [0, 0, 2, 4], "each is near the last one");
    }

    #[test]
    fn what_led_to_one_look_did_not_lead_to_another() {
        let repetitions = Repetitions::among((0..9).map(|position| (position, 1, true)));
        assert_eq!((repetitions.iter().count(), repetitions.links().count()), (1, 0));
    }
}
