use std::{
    io,
    sync::{Mutex, PoisonError},
};

use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};
use seaworthy_core::ports::Random;

/// A ChaCha8 stream that the operating system seeds once.
pub struct OsRandom(Mutex<ChaCha8Rng>);

impl OsRandom {
    /// A new stream.
    ///
    /// # Errors
    /// The operating system's, if it has no entropy to give.
    pub fn new() -> io::Result<Self> {
        ChaCha8Rng::try_from_os_rng().map(|stream| Self(Mutex::new(stream))).map_err(io::Error::other)
    }
}

impl Random for OsRandom {
    fn next_u64(&self) -> u64 {
        // A stream is whole after every draw, so a panic elsewhere while it was held does no harm.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).next_u64()
    }
}

impl std::fmt::Debug for OsRandom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OsRandom")
    }
}
