use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};

/// One stream of dice: ChaCha8 under the plan's seed.
///
/// Each consumer (workload, faults, latency, the ids of each process) has a stream of its own, so that taking one thing
/// away does not shift the others. Stream numbers are appended, never inserted: see [`Draw::stream`].
#[derive(Clone, Debug)]
pub struct Draw(ChaCha8Rng);

impl Draw {
    /// Stream `number` under `seed`.
    pub fn stream(seed: u64, number: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(number);
        Self(rng)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number in `0..bound`, uniformly to within 2⁻⁶⁴ x bound; `0` where `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as u64
    }

    /// A number in `low..=high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below((high - low).saturating_add(1))
    }

    /// `true` in `of_1000` of 1,000 draws.
    pub fn chance(&mut self, of_1000: u32) -> bool {
        self.below(1_000) < u64::from(of_1000)
    }

    /// One of `items`, or `None` if there are none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len() as u64) as usize)
    }

    /// A number in `1..=high`, small ones more often: as many from 1 to 2 as from 2 to 4, from 4 to 8 and so on.
    pub fn small(&mut self, high: u64) -> u64 {
        let bits = u64::from(64 - high.max(1).leading_zeros());
        let top = 1_u64 << self.between(1, bits);
        self.between(1, (top - 1).clamp(1, high.max(1)))
    }
}
