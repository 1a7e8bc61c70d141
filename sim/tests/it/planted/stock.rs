//! Which invariants ship: what the stock panel has for a scenario that declares everything, and what the sources say.

use std::{collections::BTreeSet, fs, path::Path};

use seaworthy_sim::{
    invariants::protocol,
    scenario::{Conserved, Topology},
};

use super::{BY_THE_WORLD, PLANTED};

/// The names in the stock panel, with all that a declaration adds.
fn stock() -> BTreeSet<String> {
    let topology = Topology::new()
        .group("a", &["one", "another", "a.rejections"])
        .events("store")
        .lock("locks")
        .conserved(Conserved::new("sum").plus("store", "table", "column"));
    protocol(&topology).iter().map(|invariant| invariant.name().to_owned()).collect()
}

#[test]
fn each_invariant_that_ships_has_a_planted_mistake() {
    let (planted, _) = PLANTED.split_at(PLANTED.len() - BY_THE_WORLD);
    let names: BTreeSet<String> = planted.iter().map(ToString::to_string).collect();
    assert_eq!(names.len(), planted.len(), "one is there twice");
    assert_eq!(names, stock());
}

/// So that one which only some declaration asks for, unknown to the list above, is not forgotten.
#[test]
fn each_invariant_in_the_sources_is_in_the_stock_panel() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src/invariants");
    let mut named = BTreeSet::new();
    for entry in fs::read_dir(&sources).expect("the sources are there") {
        let path = entry.expect("readable").path();
        let path = if path.is_dir() { path.join("mod.rs") } else { path };
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("readable");
        // Some are for tests of the panel and not of any service.
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        for implementation in text.split("\nimpl Invariant for ").skip(1) {
            let name = implementation.split_once("fn name(&self)").and_then(|(_, rest)| rest.split('"').nth(1));
            named.extend(name.map(str::to_owned));
        }
    }
    assert_eq!(named, stock());
}

/// What the world tells by itself is written out where it tells it.
#[test]
fn each_violation_that_the_world_itself_tells_has_a_planted_mistake() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src");
    let mut told = BTreeSet::new();
    for folder in ["world", "kernel"] {
        for entry in fs::read_dir(sources.join(folder)).expect("the sources are there") {
            let path = entry.expect("readable").path();
            let Ok(text) = fs::read_to_string(&path) else { continue };
            for before_name in ["violate(\"", "violate_by_panic(\"", "violate_at_last(\"", "invariant: \""] {
                let names = text.split(before_name).skip(1).filter_map(|rest| rest.split('"').next());
                told.extend(names.map(str::to_owned));
            }
        }
    }
    // A client that panics is a mistake of the scenario, and of no service; `world_end` has it.
    assert!(told.remove("client-panicked"));
    let (_, planted) = PLANTED.split_at(PLANTED.len() - BY_THE_WORLD);
    let planted: BTreeSet<String> = planted.iter().map(ToString::to_string).collect();
    assert_eq!(planted, told);
}
