//! The scenarios and the program: one test program, one topic a module.

mod audit;
mod catalog;
mod cli;
mod controls;
mod exhaust;
mod idle_groups;
mod invariants;
mod order_fulfillment;
mod payments;
mod serve;
mod specimens;
mod stories;
mod traces;
mod twins;
