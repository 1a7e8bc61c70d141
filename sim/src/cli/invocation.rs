//! Command lines that call this program again.

use std::{env, path::Path};

use super::arguments::Chosen;
use crate::{
    plan::Profile,
    teller::{Again, quoted},
};

/// The line that replays a plan or a seed, or goes on with all plans from a number on. A plan holds its workload; a seed does not know the store.
pub(super) fn replay_line(again: Again<'_>, scenario: &str, chosen: &Chosen) -> String {
    let command = if matches!(again, Again::From { .. }) { "exhaust" } else { "replay" };
    let mut words = vec![program(), command.to_owned()];
    match again {
        Again::From { number, k, seed, items, all_pairs } => {
            words.push(quoted(scenario));
            words.extend((k > 1).then(|| format!("--k {k}")));
            words.extend(all_pairs.then(|| "--all-pairs".to_owned()));
            words.extend(seed.map(|seed| format!("--seed {seed:#x}")));
            words.extend((items > 1).then(|| format!("--items {items}")));
            words.push(format!("--from {number:#018x}"));
            words.extend(beside(chosen));
        }
        Again::Plan(file) => {
            words.push(quoted(&file.display().to_string()));
            words.extend(chosen.without.words(false));
        }
        Again::Seed(seed, profile) => {
            words.push(format!("{seed:#018x}"));
            words.extend(of_seed(scenario, profile, chosen));
        }
    }
    words.extend(chosen.store.as_ref().map(|(name, _)| format!("--store {name}")));
    words.join(" ")
}

fn of_seed(scenario: &str, profile: Profile, chosen: &Chosen) -> Vec<String> {
    let mut words = vec![format!("--scenario {}", quoted(scenario)), format!("--profile {profile}")];
    words.extend(beside(chosen));
    words
}

/// Returns the arguments beside the plans themselves, where they are not in a file.
fn beside(chosen: &Chosen) -> impl Iterator<Item = String> {
    let input = chosen.input.as_ref().map(|(option, file)| format!("--{option} {}", quoted(&display(file))));
    chosen.without.words(true).chain(input)
}

fn display(file: &Path) -> String {
    file.display().to_string()
}

/// The program as it was called: that works again from the same folder, whether it is installed or lies in a target
/// folder.
fn program() -> String {
    let called = env::args_os().next().unwrap_or_else(|| "seaworthy".into());
    quoted(&called.to_string_lossy())
}
