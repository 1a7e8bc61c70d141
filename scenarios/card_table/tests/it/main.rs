//! The three domains' parts, without a simulator: the store is in memory, nobody sleeps.

mod hand;
mod routes;
mod table;
mod wallet;
