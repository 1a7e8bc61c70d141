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

/// Up to seven bytes as one word, the first lowest. Most names end in some: copying them one by one, or by a call, takes
/// longer than all the mixing.
fn word_of(rest: &[u8]) -> u64 {
    let at = |index: usize| u64::from(rest[index]) << (8 * index);
    match rest.first_chunk::<4>() {
        Some(first) => {
            let last = rest.last_chunk::<4>().expect("there are four");
            // They overlap, and agree where they do.
            u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << (8 * (rest.len() - 4))
        }
        None => at(0) | at(rest.len() / 2) | at(rest.len() - 1),
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
            self.mix(word_of(rest) ^ ((rest.len() as u64) << 56));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_bytes_of_a_text_are_one_word_whatever_their_number() {
        for length in 1..8 {
            let bytes: Vec<u8> = (1..=length).map(|byte| byte * 31).collect();
            let mut whole = [0; 8];
            whole[..bytes.len()].copy_from_slice(&bytes);
            assert_eq!(word_of(&bytes), u64::from_le_bytes(whole), "{bytes:?}");
        }
    }
}
