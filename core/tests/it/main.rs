//! The core without a simulator: one test program, one topic a module.

mod cloud_events;
mod misuse;
mod port_errors;
mod saga_compensation_order;
mod saga_definitions;
mod saga_life_cycle;
