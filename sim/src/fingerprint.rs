use std::hash::{Hash, Hasher};

/// A 64-bit fingerprint of a whole trace, the same on every machine.
///
/// The standard library's `Hash` implementations feed it; it fixes byte order and width, which they leave open, and mixes eight bytes at a time
/// (the multiply-and-fold step of wyhash).
///
/// ```
/// use std::hash::Hasher;
/// use seaworthy_sim::trace::Fingerprint;
///
/// let mut one = Fingerprint::new();
/// one.write_u32(7);
/// let mut two = Fingerprint::new();
/// two.write_u64(7);
/// assert_eq!(one.value(), two.value(), "a number counts, not its width");
/// ```
#[derive(Clone, Debug)]
pub struct Fingerprint(u64);

const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

impl Fingerprint {
    /// The fingerprint of nothing.
    pub const fn new() -> Self {
        Self(0x5ea3_0a7b_9d0c_5f11)
    }

    /// Takes in one thing.
    pub fn add(&mut self, thing: &impl Hash) {
        thing.hash(self);
    }

    /// The value so far.
    pub const fn value(&self) -> u64 {
        self.0
    }

    fn mix(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word) * u128::from(MULTIPLIER);
        self.0 = (product as u64) ^ ((product >> 64) as u64) ^ word.rotate_left(29);
    }
}

impl Default for Fingerprint {
    fn default() -> Self {
        Self::new()
    }
}

impl Hasher for Fingerprint {
    fn write(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            self.mix(u64::from_le_bytes(chunk.try_into().expect("chunks of eight")));
        }
        let rest = chunks.remainder();
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            self.mix(u64::from_le_bytes(last) ^ ((rest.len() as u64) << 56));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.mix(u64::from(value));
    }

    fn write_u16(&mut self, value: u16) {
        self.mix(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.mix(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.mix(value);
    }

    fn write_usize(&mut self, value: usize) {
        self.mix(value as u64);
    }

    fn write_i8(&mut self, value: i8) {
        self.mix(value as u64);
    }

    fn write_i16(&mut self, value: i16) {
        self.mix(value as u64);
    }

    fn write_i32(&mut self, value: i32) {
        self.mix(value as u64);
    }

    fn write_i64(&mut self, value: i64) {
        self.mix(value as u64);
    }

    fn write_isize(&mut self, value: isize) {
        self.mix(value as i64 as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
