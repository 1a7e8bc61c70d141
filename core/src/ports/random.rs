/// The process's own source of randomness, handed in so that a simulated run can be repeated.
///
/// It serves ids and jitter, not secrets: an adapter may use any well-distributed generator.
pub trait Random: Send + Sync {
    /// The next 64 uniformly distributed bits.
    fn next_u64(&self) -> u64;

    /// A uniform draw from `0.0..1.0`, in steps of 2⁻⁵³.
    fn next_unit(&self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bits(u64);

    impl Random for Bits {
        fn next_u64(&self) -> u64 {
            self.0
        }
    }

    #[test]
    fn a_uniform_draw_takes_the_upper_53_bits_as_a_fraction() {
        assert_eq!(Bits(0).next_unit(), 0.0);
        assert_eq!(Bits(1 << 63).next_unit(), 0.5);
        assert_eq!(Bits(1 << 11).next_unit(), 2_f64.powi(-53));
        assert_eq!(Bits((1 << 11) - 1).next_unit(), 0.0, "the lower bits have no part in it");
        assert_eq!(Bits(u64::MAX).next_unit(), 1.0 - 2_f64.powi(-53), "never a whole one");
    }
}
