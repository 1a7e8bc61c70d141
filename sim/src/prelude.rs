//! Names that nearly every scenario needs, in one line: `use seaworthy_sim::prelude::*;`.
//!
//! ```
//! use seaworthy_sim::prelude::*;
//!
//! let shipped = sometimes("shipped", ()).on_write("shipments", |(), _| true);
//! let topology = Topology::new().group("shipping", &["orders"]);
//! # drop((shipped, topology));
//! ```

pub use crate::{
    check::check,
    invariants::{Broken, Called, Invariant, Written, always, conserved, ends, eventually, sometimes, stays},
    scenario::{Client, Draw, Scenario, Topology, Workload},
    trace::{Effect, Event, What},
};
