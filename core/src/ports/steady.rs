use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{Clock, Timestamp};

/// Time by a clock that may be set back, which itself never goes back: for what is due at a moment, as leases and delays.
///
/// Where the clock steps back, this goes on from where it was, as fast as the clock, until the clock is put right again. It
/// starts from the clock again in the next process. A store judges by one of these; without it, what was put off by minutes would wait for as long as the
/// clock was set back.
///
/// ```
/// use std::{sync::{Arc, Mutex}, time::Duration};
/// use seaworthy_core::ports::{Clock, SteadyTime, Timestamp};
///
/// struct Wall(Mutex<Timestamp>);
///
/// #[async_trait::async_trait]
/// impl Clock for Wall {
///     fn now(&self) -> Timestamp {
///         *self.0.lock().expect("nobody panics with it")
///     }
///     async fn sleep(&self, _: Duration) {}
/// }
///
/// let wall = Arc::new(Wall(Mutex::new(Timestamp::from_millis(5_000))));
/// let time = SteadyTime::new(wall.clone());
/// assert_eq!(time.now(), Timestamp::from_millis(5_000));
/// *wall.0.lock().expect("nobody panics with it") = Timestamp::from_millis(1_000);
/// assert_eq!(time.now(), Timestamp::from_millis(5_000));
/// *wall.0.lock().expect("nobody panics with it") = Timestamp::from_millis(1_500);
/// assert_eq!(time.now(), Timestamp::from_millis(5_500));
/// *wall.0.lock().expect("nobody panics with it") = Timestamp::from_millis(6_000);
/// assert_eq!(time.now(), Timestamp::from_millis(6_000), "put right again");
/// ```
pub struct SteadyTime {
    clock: Arc<dyn Clock>,
    seen: Mutex<Seen>,
}

struct Seen {
    wall: Timestamp,
    /// Sum of the steps by which the clock was set back.
    ahead: Duration,
}

impl SteadyTime {
    /// The time of a clock, from now on.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let seen = Mutex::new(Seen { wall: clock.now(), ahead: Duration::ZERO });
        Self { clock, seen }
    }

    /// The current moment: never before one that was returned.
    pub fn now(&self) -> Timestamp {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let wall = self.clock.now();
        let last = seen.wall + seen.ahead;
        // Nothing if the clock went on, as it mostly does, or was put right again.
        seen.ahead = if wall >= last { Duration::ZERO } else { seen.ahead.saturating_add(seen.wall.since(wall)) };
        seen.wall = wall;
        wall + seen.ahead
    }
}

impl fmt::Debug for SteadyTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SteadyTime").finish_non_exhaustive()
    }
}
