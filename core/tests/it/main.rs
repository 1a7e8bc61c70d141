//! The core without a simulator: one test program, one topic a module.

mod builders;
mod cloud_events;
mod envelope;
mod misuse;
mod port_errors;
mod saga_compensation_order;
mod saga_definitions;
mod saga_life_cycle;
mod saga_values;
mod saga_words;
mod settings;
