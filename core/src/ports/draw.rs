use uuid::Uuid;

use super::{Clock, Random};
use crate::message::{Message, MessageBuilder};

/// A new UUIDv7 from the process's clock and randomness.
pub fn draw_id(clock: &dyn Clock, random: &dyn Random) -> Uuid {
    let millis = u64::try_from(clock.now().as_millis()).unwrap_or(0) & 0xffff_ffff_ffff;
    let high = (millis << 16) | 0x7000 | (random.next_u64() & 0x0fff);
    let low = (random.next_u64() & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000;
    Uuid::from_u64_pair(high, low)
}

impl MessageBuilder {
    /// A new message: its id is a UUIDv7 from the process's clock and randomness.
    pub fn draw(self, clock: &dyn Clock, random: &dyn Random) -> Message {
        self.finish(draw_id(clock, random), clock.now())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicU64, Ordering},
        time::Duration,
    };

    use async_trait::async_trait;
    use uuid::Variant;

    use super::*;
    use crate::time::Timestamp;

    struct At(i64);

    #[async_trait]
    impl Clock for At {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.0)
        }

        async fn sleep(&self, _: Duration) {}
    }

    struct Bits(AtomicU64);

    impl Random for Bits {
        fn next_u64(&self) -> u64 {
            self.0.fetch_xor(u64::MAX, Ordering::Relaxed)
        }
    }

    #[test]
    fn a_drawn_id_is_a_uuid_of_version_7_with_the_time_of_the_clock_in_front_and_random_bits_behind() {
        let bits = Bits(AtomicU64::new(0));
        let (first, second) = (draw_id(&At(0x0123_4567_89ab), &bits), draw_id(&At(0x0123_4567_89ac), &bits));
        for id in [first, second] {
            assert_eq!((id.get_version_num(), id.get_variant()), (7, Variant::RFC4122), "{id}");
        }
        assert_eq!(first.to_string(), "01234567-89ab-7000-bfff-ffffffffffff", "zeroes, and then ones");
        assert!(first < second, "later ids are greater");
        // The years before 1970 have no place in such an id; they must not spill over into the version.
        assert_eq!(draw_id(&At(-1), &bits).get_version_num(), 7);
    }
}
