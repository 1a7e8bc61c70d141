//! The scenario itself, with everything right: what it is asked, and who asks. Its storms are the whole system's, `tests/it/storm.rs`.

mod orders_file;
mod payments;
mod releases;
mod workload;
