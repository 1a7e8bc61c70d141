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
