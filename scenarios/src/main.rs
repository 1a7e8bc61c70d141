//! The `seaworthy` program: puts the scenarios of this crate through the storm and says what it found, serves the shop
//! without simulation, and looks after the databases of services.

mod operate;
mod serve;
mod soak;

use std::{path::Path, process::ExitCode, sync::Arc};

use seaworthy_redb::{RedbConfig, RedbStore};
use seaworthy_scenarios::{catalog, order_fulfillment::orders_file::read_orders};
use seaworthy_sim::{
    catalogue::Entry,
    cli::{CliError, Program},
    scenario::StoreFactory,
};
use seaworthy_sqlite::{SqliteConfig, SqliteStore};

/// A run is some thousand small allocations, made and freed on one thread: mimalloc takes a third of the time that the
/// system's allocator takes for them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    Program::new()
        .scenarios(catalog::entries())
        .store("sqlite", "SQLite, in memory", sqlite())
        .store("redb", "redb, in memory", redb())
        .input(
            "orders",
            "Takes the orders from a CSV file with the columns date,customer,quantity,amount_usd, instead of drawing them",
            with_orders,
        )
        .command(serve::command(), serve::serve)
        .command(soak::command(), soak::soak)
        .command(soak::worker_command(), soak::work)
        .command(operate::command(), operate::operate)
        .main()
}

fn with_orders(path: &Path, name: &str) -> Result<Entry, CliError> {
    let shop = catalog::find(name);
    let shop = shop.map_err(|_| format!("{name} takes no orders: --orders is for order_fulfillment and its twins"))?;
    Ok(shop.with_orders(read_orders(path)?).into())
}

fn sqlite() -> StoreFactory {
    Arc::new(|_, clock| {
        let store = SqliteStore::open_in_memory(clock, SqliteConfig::simulation());
        Arc::new(store.expect("SQLite opens a database in memory"))
    })
}

fn redb() -> StoreFactory {
    Arc::new(|_, clock| {
        let store = RedbStore::open_in_memory(clock, RedbConfig::simulation());
        Arc::new(store.expect("redb opens a database in memory"))
    })
}
