//! Whether modules go round in a circle, at any depth: where no list says which is above, some order must be possible.

use std::collections::{BTreeMap, BTreeSet};

use super::check::{Source, modules};

/// For each module what it imports of its neighbours, and where.
type Imports<'a> = BTreeMap<&'a str, BTreeMap<&'a str, String>>;

/// The imports that make up circles, one line each. What a module defines beside its own modules is below them all: they
/// may import it.
pub(super) fn circles(folder: &str, sources: &[(String, String)]) -> Vec<String> {
    let sources = modules(sources);
    let parents: BTreeSet<&[String]> =
        sources.iter().filter(|source| !source.said.modules.is_empty()).map(|source| &source.module[..]).collect();
    let mut faults = Vec::new();
    for parent in parents {
        let mut imports = imports(folder, parent, &sources);
        retain_circles(&mut imports);
        faults.extend(imports.into_iter().flat_map(|(own, others)| {
            others.into_iter().map(move |(other, place)| {
                format!("{place}: `{own}` imports `{other}`, which imports `{own}`, at once or by others")
            })
        }));
    }
    faults
}

fn imports<'a>(folder: &str, parent: &[String], sources: &'a [Source]) -> Imports<'a> {
    let roots: Vec<&Source> = sources.iter().filter(|source| source.module == parent).collect();
    let children: BTreeSet<&str> = roots.iter().flat_map(|root| &root.said.modules).map(String::as_str).collect();
    let mut shown = BTreeMap::new();
    for named in roots.iter().flat_map(|root| &root.said.named) {
        let below = named.path.strip_prefix(parent).unwrap_or_default();
        if let [child, _, ..] = below {
            shown.insert(named.name.as_str(), child.as_str());
        }
    }
    let mut imports: Imports = children.iter().map(|child| (*child, BTreeMap::new())).collect();
    for source in sources {
        let Some([own, ..]) = source.module.strip_prefix(parent) else { continue };
        for named in &source.said.named {
            let Some([first, ..]) = named.path.strip_prefix(parent) else { continue };
            let other = children.get(first.as_str()).or_else(|| shown.get(first.as_str())).copied();
            if let (Some(other), Some(others)) = (other.filter(|other| other != own), imports.get_mut(own.as_str())) {
                others.entry(other).or_insert_with(|| format!("{folder}/{}:{}", source.file, named.line));
            }
        }
    }
    imports
}

/// Takes away what is in no circle: who imports nobody that is left, and whom nobody that is left imports.
fn retain_circles(imports: &mut Imports) {
    loop {
        let left: BTreeSet<&str> = imports.keys().copied().collect();
        for others in imports.values_mut() {
            others.retain(|other, _| left.contains(other));
        }
        let imported: BTreeSet<&str> = imports.values().flat_map(|others| others.keys().copied()).collect();
        imports.retain(|own, others| !others.is_empty() && imported.contains(own));
        if imports.len() == left.len() {
            return;
        }
    }
}
