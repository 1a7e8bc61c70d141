//! The two contexts' parts, without a simulator: the store is in memory, nobody sleeps.

mod order;
mod reservation;
