//! The service's parts, one topic a module. Nothing of it needs a simulator: the store is in memory, nobody sleeps.

mod handlers;
mod messages;
mod order;
mod repeated;
mod upkeep;
