//! Exponential backoff: delays between attempts.

use std::time::Duration;

use crate::{
    ports::Random,
    settings::{Checks, InvalidSetting},
};

/// Exponential backoff with jitter: `[0.5, 1.5] x min(base x 2^n, cap)`.
///
/// The jitter keeps things that failed together from trying again together.
///
/// ```
/// use std::time::Duration;
/// use seaworthy_core::{backoff::Backoff, ports::Random};
///
/// struct Middle;
/// impl Random for Middle {
///     fn next_u64(&self) -> u64 {
///         1 << 63
///     }
/// }
///
/// let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
/// assert_eq!(backoff.delay(0, &Middle), Duration::from_millis(100));
/// assert_eq!(backoff.delay(2, &Middle), Duration::from_millis(400));
/// assert_eq!(backoff.delay(60, &Middle), Duration::from_secs(1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Backoff {
    /// The wait after the first failure, before jitter.
    pub base: Duration,
    /// The longest wait, before jitter.
    pub cap: Duration,
}

impl Backoff {
    /// Checks that it waits at all, as the setting `name` of some configuration.
    ///
    /// # Errors
    /// [`InvalidSetting`] if its shortest wait is none, or longer than its longest.
    pub fn check(&self, checks: Checks, name: &'static str) -> Result<(), InvalidSetting> {
        let Self { base, cap } = *self;
        checks.hold(
            !base.is_zero() && base <= cap,
            name,
            format_args!("{base:?} to {cap:?}"),
            "without a wait its owner never rests, so set a base that is longer than nothing and a cap no shorter than it",
        )
    }

    /// Backoff from `base` up to `cap`.
    pub const fn new(base: Duration, cap: Duration) -> Self {
        Self { base, cap }
    }

    /// The wait after failure number `attempt`, counted from `0`. Saturates instead of overflowing.
    pub fn delay(&self, attempt: u32, random: &dyn Random) -> Duration {
        jitter(self.level(attempt), random.next_u64())
    }

    /// The wait before jitter: `min(base x 2^attempt, cap)`.
    fn level(&self, attempt: u32) -> Duration {
        if self.base.is_zero() {
            return Duration::ZERO;
        }
        let factor = 1_u32.checked_shl(attempt).unwrap_or(0);
        // A factor that has left 32 bits stands for "more than any cap": at least 2^32 times a nanosecond-sized base
        // is still below some caps, so those few levels are computed in two factors.
        let grown = match factor {
            0 => self.base.saturating_mul(1 << 31).saturating_mul(1_u32.checked_shl(attempt - 31).unwrap_or(u32::MAX)),
            factor => self.base.saturating_mul(factor),
        };
        grown.min(self.cap)
    }
}

/// `level x [0.5, 1.5)`, in integers, so that every platform gives the same nanosecond.
fn jitter(level: Duration, bits: u64) -> Duration {
    let factor = (1_u128 << 31) + u128::from(bits >> 32);
    let nanos = (level.as_nanos() * factor) >> 32;
    let (seconds, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    match u64::try_from(seconds) {
        Ok(seconds) => Duration::new(seconds, rest as u32),
        Err(_) => Duration::MAX,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Bits(u64);

    impl Random for Bits {
        fn next_u64(&self) -> u64 {
            self.0
        }
    }

    proptest! {
        #[test]
        fn seed_44_a_delay_lies_between_half_and_three_halves_of_the_level(
            base in 0_u64..1 << 40, cap in 0_u64..1 << 50, attempt in 0_u32..80, bits: u64,
        ) {
            let backoff = Backoff::new(Duration::from_nanos(base), Duration::from_nanos(cap));
            // 2^40 x 2^80 fits into 128 bits, so the definition can be written down as it stands.
            let level = (u128::from(base) << attempt).min(u128::from(cap));
            let delay = backoff.delay(attempt, &Bits(bits)).as_nanos();
            prop_assert!(2 * delay + 1 >= level, "{delay} < half of {level}");
            prop_assert!(2 * delay <= 3 * level, "{delay} > three halves of {level}");
        }

        #[test]
        fn no_delay_overflows(base: u64, cap: u64, attempt: u32, bits: u64) {
            let backoff = Backoff::new(Duration::from_secs(base), Duration::from_secs(cap));
            let delay = backoff.delay(attempt, &Bits(bits));
            prop_assert!(delay.as_secs() >= base.min(cap) / 2);
        }
    }

    #[test]
    fn a_level_doubles_beyond_what_a_factor_of_32_bits_can_say() {
        let backoff = Backoff::new(Duration::from_nanos(1), Duration::from_secs(3_600));
        for attempt in 29..=40 {
            assert_eq!(backoff.level(attempt), Duration::from_nanos(1 << attempt), "attempt {attempt}");
        }
    }

    #[test]
    fn the_jitter_reaches_both_of_its_ends() {
        let backoff = Backoff::new(Duration::from_secs(2), Duration::from_secs(2));
        assert_eq!(backoff.delay(0, &Bits(0)), Duration::from_secs(1));
        assert_eq!(backoff.delay(0, &Bits(u64::MAX)), Duration::from_nanos(2_999_999_999));
    }
}
