use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{Clock, Timestamp};

/// Time by a clock that may be set back, which itself never goes back: for what is due at a moment, as leases and delays.
///
/// Where the clock steps back, this goes on from where it was, as fast as the clock, until the clock is put right again. A
/// store judges by one of these; without it, what was put off by minutes would wait for as long as the clock was set back.
///
/// A store that keeps the latest time which it has shown [resumes](Self::resume) from there in the next process, and so
/// does not go back over a restart, either. A clock that is a [day](Self::BEHIND_MAX) behind or more is believed: it is the
/// time of before that was wrong, and to go on from there would have messages go out years before their moments. A clock that
/// jumps ahead can't be told from a process that was down for as long: that time has passed.
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
    /// Time by which a clock may be behind the latest time of an earlier process and still be taken as set back: a day. What
    /// sets clocks back is a wrong zone, a summer's end, a virtual machine that slept; what is further off was wrong before.
    pub const BEHIND_MAX: Duration = Duration::from_secs(24 * 3_600);

    /// The time of a clock, from now on.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let seen = Mutex::new(Seen { wall: clock.now(), ahead: Duration::ZERO });
        Self { clock, seen }
    }

    /// The time of a clock that goes on from the latest moment of an earlier process, unless the clock is behind that by
    /// more than [`BEHIND_MAX`](Self::BEHIND_MAX): then it begins with the clock.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use seaworthy_core::ports::{Clock, SteadyTime, Timestamp};
    /// # struct Wall;
    /// # #[async_trait::async_trait]
    /// # impl Clock for Wall {
    /// #     fn now(&self) -> Timestamp { Timestamp::from_millis(5_000) }
    /// #     async fn sleep(&self, _: std::time::Duration) {}
    /// # }
    /// let (hour, year) = (Timestamp::from_millis(3_605_000), Timestamp::from_millis(31_536_000_000));
    /// assert_eq!(SteadyTime::resume(Arc::new(Wall), hour).now(), hour);
    /// assert_eq!(SteadyTime::resume(Arc::new(Wall), year).now(), Timestamp::from_millis(5_000));
    /// ```
    pub fn resume(clock: Arc<dyn Clock>, latest: Timestamp) -> Self {
        let wall = clock.now();
        let behind = latest.since(wall);
        let ahead = if behind <= Self::BEHIND_MAX { behind } else { Duration::ZERO };
        Self { clock, seen: Mutex::new(Seen { wall, ahead }) }
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
