use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use super::texts::{Pair, differing, is_uuid, sorted_words};
use crate::{trace::Event, world::RunReport};

/// Likely cause of a difference between two runs of one plan, guessed from what differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DifferenceCause {
    /// The same things in another order, and only where a thread was used before.
    HashOrder,
    /// The same things in another order.
    Order,
    /// The same thing at another time.
    Time,
    /// A number that is about now.
    RealClock,
    /// The id of a thread.
    ThreadId,
    /// An address in memory.
    Address,
    /// An id drawn from outside the ports.
    Identifier,
    /// A number that goes on from run to run.
    Counter,
    /// Only the first run was different.
    Survivor,
    /// A value differs that gives no cause away.
    Value,
    /// Another way through the code.
    Branch,
    /// The same events, and not the same verdict.
    Judgement,
}

/// Number of events within which one is looked for that came in another order.
const AHEAD: usize = 64;
/// A number that grows by no more from one run to the next is counted, not drawn.
const COUNTED: u64 = 10_000;

impl DifferenceCause {
    /// The likely reason. `settled` says that all runs after the first agree.
    pub(super) fn guess(runs: [&RunReport; 2], at: usize, settled: bool, shares_threads: bool) -> Self {
        let [first, second] = runs.map(|run| run.trace.as_deref().unwrap_or_default());
        let (Some(one), Some(other)) = (first.get(at), second.get(at)) else {
            return match first.len() == second.len() {
                true => Self::Judgement,
                false if settled => Self::Survivor,
                false => Self::Branch,
            };
        };
        if one.what == other.what && (one.process, one.incarnation) == (other.process, other.incarnation) {
            return Self::Time;
        }
        let [one, other] = [one, other].map(|event| format!("{:?}", event.what));
        let pairs = differing(&one, &other);
        if let Some(cause) = pairs.iter().find_map(Self::of_value) {
            return cause;
        }
        if sorted_words(&one) == sorted_words(&other) || is_reordered(&first[at..], &second[at..]) {
            // On a thread of its own a hash map has the order that the seed gives it.
            return if settled && shares_threads { Self::HashOrder } else { Self::Order };
        }
        match () {
            () if settled => Self::Survivor,
            () if pairs.is_empty() => Self::Branch,
            () if pairs.iter().all(Pair::is_counted) => Self::Counter,
            () => Self::Value,
        }
    }

    /// Guesses the cause by the form of a word that differs.
    fn of_value(pair: &Pair) -> Option<Self> {
        if pair.before.ends_with("ThreadId") {
            return Some(Self::ThreadId);
        }
        if is_uuid(&pair.one) && is_uuid(&pair.other) {
            return Some(Self::Identifier);
        }
        if pair.both(is_about_now) {
            return Some(Self::RealClock);
        }
        pair.both(is_address).then_some(Self::Address)
    }
}

impl Pair {
    fn both(&self, is: fn(u64) -> bool) -> bool {
        self.numbers().is_some_and(|(one, other)| is(one) && is(other))
    }

    fn is_counted(&self) -> bool {
        let numbers = self.numbers().or_else(|| self.last_numbers());
        numbers.is_some_and(|(one, other)| other > one && other - one <= COUNTED)
    }
}

/// Returns `true` if a number is in the range in which the systems that we know have their heap, stacks and programs.
fn is_address(number: u64) -> bool {
    (0x5000_0000_0000..0x8000_0000_0000).contains(&number)
}

/// Seconds, milliseconds, microseconds or nanoseconds since 1970, within a day of now. Virtual time begins at the
/// scenario's epoch, which is another day.
#[allow(clippy::disallowed_methods, reason = "a value is compared with the time outside; no run sees it")]
fn is_about_now(number: u64) -> bool {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
    [1, 1_000, 1_000_000, 1_000_000_000].into_iter().any(|unit| (number / unit).abs_diff(now) < 86_400)
}

/// Returns `true` if each side's next event comes on the other side as well, a little later: what names a transaction
/// or a message by its number in the run can't be compared, so it is left out.
fn is_reordered(first: &[Event], second: &[Event]) -> bool {
    fn counts(events: &[Event]) -> BTreeMap<String, i64> {
        let mut counts = BTreeMap::new();
        for event in events.iter().take(AHEAD) {
            *counts.entry(plain(event)).or_default() += 1;
        }
        counts
    }
    let (one, other) = (counts(first), counts(second));
    let is_there = |event: Option<&Event>, counts: &BTreeMap<String, i64>| {
        event.is_some_and(|event| counts.contains_key(&plain(event)))
    };
    is_there(first.first(), &other) && is_there(second.first(), &one)
}

/// An event without its time and its transaction.
fn plain(event: &Event) -> String {
    let text = format!("{} {:?}", event.process.0, event.what);
    let Some((before, rest)) = text.split_once("TxId(") else { return text };
    let after = rest.split_once(')').map_or("", |(_, after)| after);
    format!("{before}{after}")
}

impl fmt::Display for DifferenceCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HashOrder => {
                "the order of a hash map or of a thread's own state: the scenario says `shares_threads`, and a thread that \
                 has run other plans gives another order. Use BTreeMap and BTreeSet, or take the promise back"
            }
            Self::Order => {
                "order: the same things happen the other way round. Usual are `select!` without `biased`, keys that are \
                 addresses, a hash map with a hasher of its own, the files of a folder"
            }
            Self::Time => {
                "time: the same thing happens at another moment. A duration is drawn or measured outside the ports: use \
                 `ports.clock` and `ports.random`"
            }
            Self::RealClock => {
                "the clock on the wall: the values are about now. Read `ports.clock`; a file's time and another thread's \
                 `Instant` are real"
            }
            Self::ThreadId => "the id of a thread: it is drawn anew for each thread, and a run may be on any",
            Self::Address => {
                "an address in memory: a pointer was printed, hashed or compared. Use an id that the data has"
            }
            Self::Identifier => {
                "an id drawn outside the ports: `Uuid::new_v4` or `rand` with a state of its own. Draw it from \
                 `ports.random` or derive it from the request"
            }
            Self::Counter => {
                "a counter that goes on from run to run: a static, a task's id, a thread's own state. Keep it in the \
                 process or in the store"
            }
            Self::Survivor => {
                "something that outlives a run: only the first run was different. Usual are a static, `OnceLock`, \
                 `LazyLock`, `thread_local!`, a cache, a file that the first run left"
            }
            Self::Value => {
                "a value from outside the ports: `rand`, the operating system, a file, an address. Draw it from \
                 `ports.random`, read `ports.clock`"
            }
            Self::Branch => {
                "another way through the code: something from outside the ports decided. Usual are `rand`, `select!` \
                 without `biased`, a static, an address, a file, a thread of its own"
            }
            Self::Judgement => {
                "the invariants: the events are the same and the verdict is not. An invariant must depend on the trace \
                 alone"
            }
        })
    }
}
