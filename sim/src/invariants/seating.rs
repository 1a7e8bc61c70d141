use super::Interest;

/// Classes of events that an [`Interest`] has room for.
const CLASSES: usize = u32::BITS as usize;

/// Number of invariants in one word.
const WORD: usize = u64::BITS as usize;

/// Invariants that see the events of each class: one bit for each, so that those that an event does not concern, which
/// are most, are not even asked.
#[derive(Debug)]
pub(super) struct Seating(Vec<[u64; CLASSES]>);

impl Seating {
    /// For invariants with these interests.
    pub(super) fn new(interests: &[Interest]) -> Self {
        let word = |interests: &[Interest]| {
            let mut of_class = [0; CLASSES];
            for (seat, interest) in interests.iter().enumerate() {
                each_bit(interest.bits().into(), |class| of_class[class] |= 1 << seat);
            }
            of_class
        };
        Self(interests.chunks(WORD).map(word).collect())
    }

    /// Calls `each` with the position of everyone who sees an event of these classes, in order.
    #[inline]
    pub(super) fn each_concerned(&self, classes: Interest, mut each: impl FnMut(usize)) {
        for (index, of_class) in self.0.iter().enumerate() {
            let mut seats = 0;
            each_bit(classes.bits().into(), |class| seats |= of_class[class]);
            each_bit(seats, |seat| each(index * WORD + seat));
        }
    }
}

/// Calls `each` with the number of every bit that is set, from the lowest.
#[inline]
fn each_bit(mut bits: u64, mut each: impl FnMut(usize)) {
    while bits != 0 {
        each(bits.trailing_zeros() as usize);
        bits &= bits - 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_shares_a_class_with_an_event_sees_it_in_order_beyond_the_first_word_as_well() {
        let mut interests = vec![Interest::ACK; 70];
        interests[3] = Interest::ALL;
        interests[64] = Interest::COMMIT | Interest::STAGED;
        interests[69] = Interest::NONE;
        let seating = Seating::new(&interests);
        let concerned = |classes| {
            let mut seats = Vec::new();
            seating.each_concerned(classes, |seat| seats.push(seat));
            seats
        };
        assert_eq!(concerned(Interest::STAGED | Interest::COMMIT), [3, 64]);
        assert_eq!(concerned(Interest::CLAIM), [3]);
        assert_eq!(concerned(Interest::ACK), (0..69).filter(|seat| *seat != 64).collect::<Vec<_>>());
    }
}
