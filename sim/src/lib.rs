//! A seeded deterministic simulator for sagas, outboxes and inboxes.

#[cfg(not(madsim))]
compile_error!(
    "seaworthy-sim needs `--cfg madsim`, and without it simulated code would vanish silently. Add to .cargo/config.toml:\n\
     [build]\nrustflags = [\"--cfg\", \"madsim\"]\nrustdocflags = [\"--cfg\", \"madsim\"]\n\
     If RUSTFLAGS is set in the environment it replaces that file: add --cfg madsim to it too."
);

pub mod broker;
pub mod check;
pub mod explore;
pub mod external;
pub mod invariants;
pub mod plan;
pub mod scenario;
pub mod store;
pub mod story;
pub mod trace;
pub mod world;

mod shell;

pub use check::check;
