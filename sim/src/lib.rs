//! A seeded deterministic simulator for sagas, outboxes and inboxes.
//!
//! One sentence holds it: `run(scenario, plan) -> report`. A [`plan`] is data: seed, schedule, workload, faults. A
//! [`scenario`] is a user's workflow. The [`world`] executes the plan once and writes a [`trace`]; [`invariants`] read only
//! the trace. Most users need no more than [`check()`]:
//!
//! ```no_run
//! # fn test<Orders: seaworthy_sim::scenario::Scenario>(Orders: Orders) {
//! seaworthy_sim::check(Orders).seeds(1_000).assert_seaworthy();
//! # }
//! ```
//!
//! | module | what it is | when you need it |
//! |---|---|---|
//! | [`check`](mod@check) | the check that a test makes in one breath | always |
//! | [`prelude`] | what nearly every scenario needs, in one `use` | always |
//! | [`scenario`] | processes, workload, what must hold | to bring a workflow of your own |
//! | [`invariants`] | the shipped properties, and the trait for your own | to say what must hold |
//! | [`plan`] | plans, points, verdicts, profiles, shrinking as data | to commit a failing case, or to write one by hand |
//! | [`generate`] | plans drawn for a scenario, also as a proptest strategy | for properties of your own over plans |
//! | [`explore`] | sweep, shrink, determinism, corpus, an honest verdict | to build a tool of your own on campaigns |
//! | [`world`] | executes one plan once | to run a plan and look at its report |
//! | [`trace`] | events, fingerprint, text, files, comparison, hand-written traces | to test an invariant, to compare runs |
//! | [`story`] | a failure, told | to print one |
//! | [`cli`] | the whole program, for scenarios of your own | to run campaigns of minutes or hours, to look into one run |
//! | [`catalogue`] | scenarios of any kind side by side | to build a tool of your own over many of them |
//! | [`store`], [`broker`], [`external`] | the simulated components, without faults | in unit tests of code over the ports |
//!
//! The feature `cli`, which is on by default, brings [`cli`] and what it needs for command lines, tables and progress
//! bars. A package that has checks only can do without: `default-features = false`.

// The one place that asks for the cfg. Without it nothing else is compiled: the message is to be the only error, and the last
// thing on the screen.
cfg_if::cfg_if! {
    if #[cfg(madsim)] {
        pub mod catalogue;
        pub mod check;
        #[cfg(feature = "cli")]
        pub mod cli;
        pub mod explore;
        pub mod generate;
        pub mod invariants;
        pub mod plan;
        pub mod prelude;
        pub mod scenario;
        pub mod story;
        pub mod trace;
        pub mod world;

        mod draw;
        mod executor;
        mod files;
        mod fingerprint;
        mod hexadecimal;
        mod kernel;
        mod ports;
        mod report;
        mod shell;
        mod teller;
        mod topology;
        mod values;

        pub use check::check;
        pub use seaworthy_memory::{broker, external, store};
    } else {
        compile_error!(
            "seaworthy-sim needs `--cfg madsim`, and without it simulated code would vanish silently. Add to .cargo/config.toml:\n\
             [build]\nrustflags = [\"--cfg\", \"madsim\"]\nrustdocflags = [\"--cfg\", \"madsim\"]\n\
             If RUSTFLAGS is set in the environment it replaces that file: add --cfg madsim to it too.\n\
             `cargo install` reads no such file of a package: RUSTFLAGS=\"--cfg madsim\" cargo install ..."
        );
    }
}
