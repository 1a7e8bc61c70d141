//! Which imports go where they may not.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    lists::House,
    paths::{self, Named, Said},
};

/// A source file as the module that it is.
pub(super) struct Source<'a> {
    pub(super) file: &'a str,
    pub(super) module: Vec<String>,
    pub(super) said: Said,
}

/// What is wrong with a crate's imports, one line each. `sources` are its files, by their paths below its folder.
pub(super) fn faults(house: &House, sources: &[(String, String)]) -> Vec<String> {
    let sources = modules(sources);
    let roots: Vec<&Source> = sources.iter().filter(|source| source.module == house.module).collect();
    let mut faults = Vec::new();
    let mut floors = BTreeMap::new();
    for (floor, names) in house.floors.iter().enumerate() {
        for name in *names {
            if floors.insert(*name, floor).is_some() {
                faults.push(format!("{}: `{name}` is listed twice", house.name));
            }
        }
    }
    let declared: BTreeSet<&str> = roots.iter().flat_map(|root| &root.said.modules).map(String::as_str).collect();
    let listed: BTreeSet<&str> = floors.keys().copied().collect();
    for name in declared.difference(&listed) {
        faults.push(format!("{}: module `{name}` is on no floor: add it to tests/it/floors/lists.rs", house.name));
    }
    for name in listed.difference(&declared) {
        faults.push(format!("{}: there is no module `{name}`: take it off its floor", house.name));
    }
    let shown = shown(house, &roots, &sources);
    for source in sources.iter().filter(|source| begins_with(&source.module, house.module)) {
        let Some(own) = source.module.get(house.module.len()) else { continue };
        for named in source.said.named.iter().filter(|named| begins_with(&named.path, house.module)) {
            let fault = judge(house, &floors, &shown, own, named);
            faults.extend(fault.map(|fault| format!("{}/{}:{}: {fault}", house.folder, source.file, named.line)));
        }
    }
    faults
}

/// What is wrong with a path that `own` names.
fn judge(
    house: &House,
    floors: &BTreeMap<&str, usize>,
    shown: &BTreeMap<&str, &str>,
    own: &str,
    named: &Named,
) -> Option<String> {
    let Some(first) = named.path.get(house.module.len()).map(String::as_str) else {
        return Some(format!("`{own}` imports {} as a whole, which is above it", house.name));
    };
    let target = if floors.contains_key(first) { first } else { shown.get(first).copied().unwrap_or(first) };
    if target == own {
        return None;
    }
    let path = named.path[house.module.len()..].join("::");
    match (floors.get(target), floors.get(own)?) {
        (None, _) => Some(format!(
            "`{own}` imports `{path}`, which {} itself defines or takes in as a whole, above all its modules: give it a module",
            house.name
        )),
        (Some(below), at) if below < at => None,
        (Some(there), at) => Some(format!(
            "`{own}` (floor {}) imports `{path}` of `{target}` (floor {}): imports of {} go down only",
            at + 1,
            there + 1,
            house.name
        )),
    }
}

/// Names that are shown elsewhere than where they are defined, each with its module: what the roots re-export, and macros.
fn shown<'a>(house: &House, roots: &[&'a Source], sources: &'a [Source]) -> BTreeMap<&'a str, &'a str> {
    let mut shown = BTreeMap::new();
    let named = roots.iter().flat_map(|root| &root.said.named);
    for named in named.filter(|named| begins_with(&named.path, house.module)) {
        if let [module, _, ..] = &named.path[house.module.len()..] {
            shown.insert(named.name.as_str(), module.as_str());
        }
    }
    for source in sources.iter().filter(|_| house.module.is_empty()) {
        if let Some(module) = source.module.first() {
            shown.extend(source.said.macros.iter().map(|name| (name.as_str(), module.as_str())));
        }
    }
    shown
}

/// All files but those for tests alone.
pub(super) fn modules(sources: &[(String, String)]) -> Vec<Source<'_>> {
    let mut sources: Vec<Source<'_>> = sources
        .iter()
        .map(|(file, text)| {
            let parts = file.trim_end_matches(".rs").split('/');
            let module: Vec<String> =
                parts.filter(|part| !matches!(*part, "mod" | "lib" | "main")).map(str::to_owned).collect();
            let said = paths::read(text, &module);
            Source { file, module, said }
        })
        .collect();
    let tests: Vec<Vec<String>> = sources
        .iter()
        .flat_map(|source| {
            source.said.tests.iter().map(|name| [&source.module[..], std::slice::from_ref(name)].concat())
        })
        .collect();
    sources.retain(|source| !tests.iter().any(|tests| source.module.starts_with(tests)));
    sources
}

fn begins_with(path: &[String], module: &[&str]) -> bool {
    path.len() >= module.len() && path.iter().zip(module).all(|(own, other)| own == other)
}
