//! The memory components keep their ports' promises, as SQLite does, and the conformance suite finds what does not: one
//! test program, one topic a module. None of it needs the simulator or its cfg.

mod beyond_the_ports;
mod conformance_broker;
mod conformance_catches;
mod conformance_store;
mod delegates;
mod events_model;
mod histories;
mod idle_members;
mod intercepted;
mod isolation;
mod outbox_oracle;
mod participant;
mod parts;
mod ports;
mod scope;
