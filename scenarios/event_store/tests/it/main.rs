//! The bank's parts, without a simulator: the store is in memory, and time passes only where somebody waits.

mod account;
mod poison;
mod rebuild;
mod support;
