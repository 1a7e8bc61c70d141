use std::{
    hash::{BuildHasher, RandomState},
    process,
};

use crate::{
    cli::{
        CliError,
        arguments::{Chosen, RunArguments},
    },
    explore::{Seeds, Shard, Until},
};

/// Seeds where nothing else is said: a few seconds' worth.
const SEEDS: u64 = 5_000;

/// The seeds that are asked for, and when to end.
pub(super) fn requested(arguments: &RunArguments, chosen: &Chosen) -> Result<(Seeds, Until), CliError> {
    if arguments.shard != Shard::WHOLE && arguments.base_seed.is_none() {
        return Err("a shard needs --base-seed: only parts of the same seeds make up a whole".into());
    }
    let base = arguments.base_seed.unwrap_or_else(draw_base_seed);
    Ok(match (arguments.seed, arguments.duration) {
        (Some(seed), _) => (Seeds::Explicit(vec![seed]), Until::end()),
        (None, Some(duration)) => (Seeds::Base(base), Until::time(duration)),
        (None, None) => {
            // A file is a workload of its own: one seed, unless more are asked for.
            let count = arguments.seeds.unwrap_or(if chosen.input.is_some() { 1 } else { SEEDS });
            (Seeds::Base(base), Until::runs(count))
        }
    })
}

/// Another one each time: it comes from the operating system, by way of the seed of the standard library's hash maps.
fn draw_base_seed() -> u64 {
    RandomState::new().hash_one(process::id())
}
