//! The whole system: one test program, one topic a module.

mod apart;
mod architecture;
mod core_spans;
mod determinism;
mod error_docs;
mod floors;
mod glossary;
mod growth;
mod log_relay;
mod own_workflow;
mod package_readmes;
mod properties;
mod public_paths;
mod readme;
mod redb_outside;
mod redb_simulation;
mod seeds;
mod services_outside;
mod snapshots;
mod spans;
mod sqlite_locks;
mod sqlite_own_table;
mod sqlite_simulation;
mod stores;
mod storm;
mod tidy;

/// A run is some thousand small allocations, and tests run them in many threads: with the system's allocator they took a
/// sixth of the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
