use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// What goes wrong over a span of time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Disturbance {
    /// The broker answers nobody.
    BrokerOutage,
    /// One store answers nobody.
    StoreOutage {
        /// Which.
        store: SmolStr,
    },
    /// One external service answers nobody.
    ExternalOutage {
        /// Which.
        service: SmolStr,
    },
    /// One process can't reach the broker.
    Partition {
        /// Which.
        process: SmolStr,
    },
    /// One process stands still and then goes on as if nothing had been.
    Pause {
        /// Which.
        process: SmolStr,
    },
    /// One process's port calls take longer.
    SlowLink {
        /// Which.
        process: SmolStr,
        /// By how much each, in virtual milliseconds.
        extra_ms: u32,
    },
    /// One process's clock is wrong; a negative offset makes it step back when the fault begins.
    ClockSkew {
        /// Which.
        process: SmolStr,
        /// By how much, in milliseconds.
        offset_ms: i64,
    },
}
