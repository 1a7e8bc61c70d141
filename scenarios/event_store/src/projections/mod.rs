//! Projections for readers: each is a fold of the log, in the form that its readers need, at a place of its own.

mod balances;
mod generations;
mod search;
mod statements;

pub use balances::{Balance, Balances, balances, balances_with, collection, projection};
pub use generations::{GENERATIONS, Generation, Generations, Live};
pub use search::{Hits, Search, search};
pub use statements::{Statement, Statements, Turnover, statements};
