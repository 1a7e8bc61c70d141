use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use madsim::time::TimeHandle;

/// Duration of each poll, in virtual nanoseconds: little, but whoever waits for time to pass and only yields gets
/// there.
const POLL_NS: u64 = 75;

/// No wait is shorter, as in tokio, whose timers go by the millisecond.
const SHORTEST: Duration = Duration::from_millis(1);

/// Virtual time of one run. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Time(Arc<Inner>);

/// A run keeps to one thread: plain loads and stores are enough, and cost nothing.
struct Inner {
    now_ns: AtomicU64,
    /// The same for code that asks the operating system what time it is.
    outer: TimeHandle,
    /// Time that the outer timer was last told, in nanoseconds.
    told_ns: AtomicU64,
    timers: Mutex<Timers>,
}

#[derive(Default)]
struct Timers {
    due: BinaryHeap<Reverse<Timer>>,
    set: u64,
    /// Timers of limits, the earliest first. Nearly all are dropped before their time comes, and then wake nobody, and no
    /// time passes for their sake; there are a handful at a time, and a new one is mostly the latest of them.
    limits: Vec<Timer>,
}

impl Timers {
    /// Time at which the next timer is due.
    fn next(&self) -> Option<u64> {
        let timer = self.due.peek().map(|Reverse(timer)| timer.at_ns);
        let limit = self.limits.first().map(|limit| limit.at_ns);
        timer.into_iter().chain(limit).min()
    }

    fn add_limit(&mut self, limit: Timer) {
        let behind = self.limits.iter().rposition(|earlier| *earlier < limit);
        self.limits.insert(behind.map_or(0, |at| at + 1), limit);
    }

    /// Drops the timer of a limit, by its number.
    fn drop_limit(&mut self, number: u64) {
        if let Some(at) = self.limits.iter().rposition(|limit| limit.number == number) {
            self.limits.remove(at);
        }
    }

    /// Takes the next timer out, if it is due.
    fn pop(&mut self, now_ns: u64) -> Option<Waker> {
        let timer = self.due.peek().map(|Reverse(timer)| timer);
        let limit = self.limits.first().filter(|limit| timer.is_none_or(|timer| *limit < timer));
        let next = limit.or(timer).filter(|next| next.at_ns <= now_ns)?;
        match self.limits.first().is_some_and(|limit| limit == next) {
            true => Some(self.limits.remove(0).waker),
            false => self.due.pop().map(|Reverse(timer)| timer.waker),
        }
    }
}

/// Timer: wakers by the time at which they are due. Of those that are due at one time the one that was set first is
/// woken first.
struct Timer {
    at_ns: u64,
    number: u64,
    waker: Waker,
}

impl PartialEq for Timer {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Timer {}

impl PartialOrd for Timer {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Timer {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at_ns, self.number).cmp(&(other.at_ns, other.number))
    }
}

impl Time {
    /// Time that begins now, and takes `outer` along.
    pub(super) fn new(outer: TimeHandle) -> Self {
        let (now_ns, told_ns) = (AtomicU64::new(0), AtomicU64::new(0));
        Self(Arc::new(Inner { now_ns, outer, told_ns, timers: Mutex::default() }))
    }

    /// Since the run began.
    pub(crate) fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.now_ns())
    }

    /// Since the run began, in microseconds: what every event is told with.
    pub(crate) fn elapsed_us(&self) -> u64 {
        self.now_ns() / 1_000
    }

    /// Waits for so long.
    pub(crate) fn sleep(&self, duration: Duration) -> Moment<'_> {
        let duration = u64::try_from(duration.max(SHORTEST).as_nanos()).unwrap_or(u64::MAX);
        Moment { time: self, at_ns: self.now_ns().saturating_add(duration), told: None, limit: None }
    }

    /// Waits for so long, unless it is dropped before; then it was never there.
    pub(crate) fn limit(&self, duration: Duration) -> Limit<'_> {
        Limit(Moment { limit: Some(0), ..self.sleep(duration) })
    }

    /// A task has been polled.
    pub(super) fn passes(&self) {
        self.set(self.now_ns() + POLL_NS);
    }

    /// Lets the time pass until the next timer is due, and wakes all that are due by then; `false` if there is none.
    pub(super) fn skip(&self) -> bool {
        let mut timers = self.timers();
        let Some(at_ns) = timers.next() else { return false };
        let now = self.now_ns().max(at_ns);
        self.set(now);
        while let Some(waker) = timers.pop(now) {
            waker.wake();
        }
        drop(timers);
        let told = self.0.told_ns.load(Ordering::Relaxed);
        self.0.told_ns.store(now, Ordering::Relaxed);
        self.0.outer.advance(Duration::from_nanos(now - told));
        true
    }

    /// Drops all timers.
    pub(super) fn forget(&self) {
        let timers = std::mem::take(&mut *self.timers());
        drop(timers);
    }

    /// Returns the number of timers that are set.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        let timers = self.timers();
        timers.due.len() + timers.limits.len()
    }

    fn now_ns(&self) -> u64 {
        self.0.now_ns.load(Ordering::Relaxed)
    }

    fn set(&self, now_ns: u64) {
        self.0.now_ns.store(now_ns, Ordering::Relaxed);
    }

    fn timers(&self) -> MutexGuard<'_, Timers> {
        self.0.timers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A wait for a moment of virtual time. It sets one timer for each task that polls it, however often that is.
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub(crate) struct Moment<'a> {
    time: &'a Time,
    at_ns: u64,
    /// Address of the waker whose timer is set. The timer keeps the waker, so no other can have come to lie at the same
    /// place.
    told: Option<(usize, usize)>,
    /// Of a limit the number of the timer that is set, or 0.
    limit: Option<u64>,
}

impl Future for Moment<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.time.now_ns() >= self.at_ns {
            return Poll::Ready(());
        }
        let waker = cx.waker();
        let whose = (waker.data().addr(), std::ptr::from_ref(waker.vtable()).addr());
        if self.told != Some(whose) {
            let mut timers = self.time.timers();
            timers.set += 1;
            let number = timers.set;
            let timer = Timer { at_ns: self.at_ns, number, waker: waker.clone() };
            match self.limit {
                None => timers.due.push(Reverse(timer)),
                Some(before) => {
                    timers.drop_limit(before);
                    timers.add_limit(timer);
                    self.limit = Some(number);
                }
            }
            drop(timers);
            self.told = Some(whose);
        }
        Poll::Pending
    }
}

/// A wait for a moment of virtual time that is as a rule dropped before it comes.
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub(crate) struct Limit<'a>(Moment<'a>);

impl Future for Limit<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl Drop for Limit<'_> {
    fn drop(&mut self) {
        let Moment { time, limit, .. } = self.0;
        if let Some(number @ 1..) = limit {
            time.timers().drop_limit(number);
        }
    }
}
