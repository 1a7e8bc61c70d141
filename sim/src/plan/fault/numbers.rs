//! Numbers of faults: how they are drawn, and which smaller ones are worth a try.

use crate::draw::Draw;

/// A moment later: others go first, and no lease or timeout has run out yet.
pub(crate) const SHORT_MS: u32 = 500;

/// Much later: every lease and timeout of the default configurations has run out, others have taken over, and what comes
/// back finds the work done.
pub(crate) const LONG_MS: u32 = 60_000;

/// Milliseconds, short ones more often, and one in eight longer than a lease or a visibility timeout.
pub(super) fn span(draw: &mut Draw, high: u64) -> u32 {
    let (long, usual) = (draw.between(30_000, 120_000), draw.small(high));
    if draw.chance(125) { long as u32 } else { usual as u32 }
}

/// [`smaller_numbers`] of a fault's field.
pub(super) fn smaller(number: u32, least: u64) -> impl Iterator<Item = u32> {
    smaller_numbers(u64::from(number), least).into_iter().map(|number| number as u32)
}

/// Smaller numbers worth a try, from `least` upwards: the least, a half, three and seven eighths of it, the next round one,
/// one less.
pub(crate) fn smaller_numbers(number: u64, least: u64) -> Vec<u64> {
    let mut digit = 1;
    while number / digit >= 10 {
        digit *= 10;
    }
    let some = [least, number / 2, number - number / 4, number - number / 8, number - number % digit];
    let mut smaller: Vec<u64> =
        some.into_iter().chain(number.checked_sub(1)).filter(|one| (least..number).contains(one)).collect();
    // One less is only worth a run where numbers are counts; of long times it would take thousands.
    if number > 64 {
        smaller.retain(|one| *one != number - 1);
    }
    smaller.sort_unstable();
    smaller.dedup();
    smaller
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smaller_numbers_are_smaller_and_end() {
        assert_eq!(smaller_numbers(37_412, 0), [0, 18_706, 28_059, 30_000, 32_736]);
        assert_eq!(smaller_numbers(7, 1), [1, 3, 6]);
        assert_eq!(smaller_numbers(1, 1), [] as [u64; 0]);
        assert_eq!(smaller_numbers(0, 0), [] as [u64; 0]);
        assert_eq!(smaller_numbers(1, 0), [0]);
    }
}
