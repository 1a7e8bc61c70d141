//! Events as data: what they say, and what they changed.

mod effect;
mod ending;
mod ids;
mod outcome;
mod rows;
mod told;
mod what;

use serde::{Deserialize, Serialize};

pub use effect::Effect;
pub use ending::Ending;
pub(crate) use ids::micros;
pub use ids::{ProcessIndex, TxId, VirtualTime, Work};
pub use outcome::Outcome;
pub use rows::{ClaimedRow, KeptRows, RowMessages, SettledAs, SettledRow};
pub(crate) use told::{add_effects, told};
pub use what::What;

/// One event of a run. In JSON it is one object, with `what` under its [name](What::name).
///
/// ```
/// use seaworthy_sim::trace::{Event, ProcessIndex, What};
///
/// let what = What::Boot { release: 1 };
/// let event = Event { number: 0, at: 1_500, process: ProcessIndex(0), incarnation: 1, task: 1, what };
/// let text = serde_json::to_string(&event)?;
/// assert_eq!(
///     text,
///     r#"{"number":0,"at_us":1500,"process":0,"incarnation":1,"task":1,"what":{"boot":{"release":1}}}"#,
/// );
/// assert_eq!(serde_json::from_str::<Event>(&text)?, event);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Event {
    /// Its number in the trace, from 0.
    pub number: u64,
    /// Time at which it happened.
    #[serde(rename = "at_us")]
    pub at: VirtualTime,
    /// Process that it belongs to.
    pub process: ProcessIndex,
    /// Number of the boot of that process, from 1; 0 for the world.
    pub incarnation: u32,
    /// Number of the task of that boot that made it happen, in the order in which they were spawned: 1 is the main
    /// function. 0 where it was none of them.
    pub task: u32,
    /// Content of the event.
    pub what: What,
}

impl Event {
    /// Returns what the event made true in a store: the effects of a commit that took effect, and nothing of any other.
    pub fn effects(&self) -> &[Effect] {
        match &self.what {
            What::Commit { effects, .. } => effects,
            _ => &[],
        }
    }
}
