//! Words between the soak and the process that it kills: one JSON value a line, on that one's standard input and output.

use std::io::Write;

use seaworthy_order_fulfillment::requests::PlaceOrder;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::{blows::Place, letters::Letter};

/// A word to the worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Tell {
    Place(PlaceOrder),
    Cancel(SmolStr),
    Send(Letter),
    FullDisk { place: Place, for_ms: u64 },
    SlowDisk { place: Place, commit_ms: u64, for_ms: u64 },
    SetBack { by_ms: u64 },
    IsIdle,
    Stop,
}

/// A word of the worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Said {
    /// The shop is open.
    Ready,
    /// An order was accepted or refused: it need not be asked for again.
    Placed(SmolStr),
    /// A cancellation was answered.
    Cancelled(SmolStr),
    /// A letter is in the outbox.
    Sent(Letter),
    /// Number of messages that were not published yet, and of checkouts under way.
    InHand(u64),
    /// All that waits; empty where nothing does.
    Waits(String),
    /// A letter aborts the process now.
    Aborts(u64),
    /// A process of the shop is not whole any more: this one ends.
    Died(String),
    /// A full disk has refused so many calls more.
    Refused { calls: u64 },
    /// A slow disk has kept so many commits more waiting.
    Slowed { commits: u64 },
}

/// Says it to the process that started this one. Where that is gone, this one is about to end as well.
pub(super) fn tell_parent(said: &Said) {
    let mut line = serde_json::to_vec(said).expect("words are structs of strings and numbers");
    line.push(b'\n');
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(&line).and_then(|()| out.flush());
}
