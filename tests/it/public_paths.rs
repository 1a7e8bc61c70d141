//! One path for one thing: a public type is reached by one public module of its crate, besides the prelude.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    architecture::sources,
    tidy::{packages, public_type},
};

/// Module of a source file below its `src` folder: `a::b` for `a/b.rs` and `a/b/mod.rs`, nothing for the root.
fn module(path: &str, src: &str) -> String {
    let below = path.strip_prefix(src).unwrap_or(path).trim_start_matches('/').trim_end_matches(".rs");
    let below = below.strip_suffix("/mod").unwrap_or(below);
    if below == "lib" || below == "main" { String::new() } else { below.replace('/', "::") }
}

/// A module within another.
fn within(module: &str, name: &str) -> String {
    if module.is_empty() { name.to_owned() } else { format!("{module}::{name}") }
}

/// Types that a file passes on: the last names of its `pub use` declarations, where they begin with a capital letter.
fn passed_on(text: &str) -> Vec<String> {
    let code: Vec<&str> = text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let code = code.join("\n");
    let uses = code.split("\npub use ").skip(1).filter_map(|rest| rest.split(';').next());
    uses.flat_map(leaves).filter(|name| name.starts_with(char::is_uppercase)).collect()
}

/// The last names of a `use` tree.
fn leaves(tree: &str) -> Vec<String> {
    let paths = tree.split([',', '{', '}']).map(str::trim);
    let named = paths.filter(|path| !path.is_empty() && !path.ends_with("::"));
    named.map(|path| path.rsplit([':', ' ']).next().unwrap_or_default().to_owned()).collect()
}

/// Each type of a crate that has two public paths or more, with its modules.
fn twice(src: &str, files: &[(String, String)]) -> BTreeMap<String, BTreeSet<String>> {
    let mut public = BTreeSet::from([String::new()]);
    // Outer modules first: an inner one is public if they are.
    let mut by_depth: Vec<(String, &str)> =
        files.iter().map(|(path, text)| (module(path, src), text.as_str())).collect();
    by_depth.sort_by_key(|(module, _)| (!module.is_empty(), module.matches("::").count()));
    let mut paths: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (module, text) in by_depth {
        if !public.contains(&module) {
            continue;
        }
        let inner = text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
        public.extend(inner.map(|name| within(&module, name)));
        let declared = text.lines().filter(|line| line.starts_with("pub ")).filter_map(public_type).map(str::to_owned);
        for name in declared.chain(passed_on(text)) {
            paths.entry(name).or_default().insert(module.clone());
        }
    }
    for modules in paths.values_mut() {
        modules.remove("prelude");
    }
    paths.retain(|_, modules| modules.len() > 1);
    paths
}

#[test]
fn a_type_has_one_public_path() {
    let mut wrong = Vec::new();
    for (package, src) in packages() {
        let src = src.display().to_string();
        for (name, modules) in twice(&src, &sources(&src)) {
            wrong.push(format!("{package}: `{name}` in {}", Vec::from_iter(modules).join(", ")));
        }
    }
    assert!(wrong.is_empty(), "keep one public path, and the prelude's:\n{}", wrong.join("\n"));
}

#[test]
fn the_check_of_paths_sees_what_is_passed_on_twice_and_what_private_modules_hide() {
    let files = [
        ("src/lib.rs", "pub mod boat;\npub mod prelude;\nmod rope;\npub use boat::Oar as Paddle;\n"),
        (
            "src/boat/mod.rs",
            "mod oar;\n\npub use oar::{Oar, hull::Hull};\n\npub use crate::rope::Knot;\npub struct Sail;\n",
        ),
        ("src/boat/oar.rs", "pub struct Oar;\npub struct Hull;\n"),
        ("src/prelude.rs", "\npub use crate::boat::Oar;\n"),
        ("src/rope.rs", "pub struct Knot;\n"),
    ];
    let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
    assert!(twice("src", &files).is_empty());
    let mut files = files.to_vec();
    files[0].1.push_str("\npub use boat::{Sail, Knot};\n");
    let twice = twice("src", &files);
    assert_eq!(twice.keys().collect::<Vec<_>>(), ["Knot", "Sail"]);
}
