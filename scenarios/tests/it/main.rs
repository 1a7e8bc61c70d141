//! The scenarios and the program: one test program, one topic a module.

mod audit;
mod by_the_harness;
mod card_table;
mod catalog;
mod cli;
mod controls;
mod declared;
mod event_store;
mod exhaust;
mod idle_groups;
mod invariants;
mod long_faults;
mod long_workloads;
mod once_accused;
mod operate;
mod order_fulfillment;
mod order_inventory;
mod payments;
mod promises;
mod requests_that_hang;
mod serve;
mod serve_redb;
mod side_by_side;
mod simplest;
mod soak;
mod specimens;
mod stories;
mod told;
mod traces;
mod twins;

/// The README's workflow, with its own test.
#[expect(unreachable_pub, reason = "it is a module of a library")]
#[path = "../../src/welcoming.rs"]
mod welcoming;
