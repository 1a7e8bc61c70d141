//! Below crate level: modules stand on floors, and imports go down only.

mod check;
mod circles;
mod lists;
mod paths;

use std::{collections::BTreeSet, fs, path::Path};

use self::{
    check::faults,
    circles::circles,
    lists::{HOUSES, House},
};
use crate::tidy::packages;

/// The Rust sources below a folder, by their paths from there.
fn sources(folder: &Path) -> Vec<(String, String)> {
    fn walk(folder: &Path, below: &str, found: &mut Vec<(String, String)>) {
        let mut entries: Vec<_> = fs::read_dir(folder).expect("the folder exists").flatten().collect();
        entries.sort_by_key(fs::DirEntry::path);
        for entry in entries {
            let name = entry.file_name().into_string().expect("the name is text");
            if entry.path().is_dir() {
                walk(&entry.path(), &format!("{below}{name}/"), found);
            } else if name.ends_with(".rs") {
                found.push((format!("{below}{name}"), fs::read_to_string(entry.path()).expect("the file is text")));
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, "", &mut found);
    found
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn imports_between_the_modules_of_a_crate_go_down() {
    for house in &HOUSES {
        let faults = faults(house, &sources(&root().join(house.folder)));
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }
}

#[test]
fn no_modules_of_these_crates_go_round_in_a_circle_however_deep_they_are() {
    let folders: BTreeSet<&str> = HOUSES.iter().map(|house| house.folder).collect();
    for folder in folders {
        let circles = circles(folder, &sources(&root().join(folder)));
        assert!(circles.is_empty(), "{}", circles.join("\n"));
    }
}

/// Whoever adds a crate of more than one module gives it floors.
#[test]
fn every_crate_of_several_modules_has_floors() {
    let folders: BTreeSet<String> = HOUSES.iter().map(|house| house.folder.to_owned()).collect();
    let mut several = BTreeSet::new();
    for (_, src) in packages() {
        // A crate of one file has nothing that could go up.
        if sources(&src).len() > 1 {
            let folder = src.strip_prefix(root()).expect("packages lie below the workspace");
            several.insert(folder.to_str().expect("the path is text").to_owned());
        }
    }
    assert_eq!(several, folders, "add the crate to tests/it/floors/lists.rs, or take it out");
}

#[test]
fn the_architecture_shows_the_same_floors() {
    let mut table = String::from("| modules of | floors, from the ground up |\n|---|---|\n");
    for house in &HOUSES {
        let floors: Vec<String> = house.floors.iter().map(|floor| floor.join(", ")).collect();
        table += &format!("| `{}` | {} |\n", house.name, floors.join(" **<** "));
    }
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md exists");
    assert!(text.contains(&format!("\n{table}\n")), "ARCHITECTURE.md shows other floors than these:\n{table}");
}

/// A crate of three floors, and a module of it with two.
const CRATE: House =
    House { name: "a crate", folder: "src", module: &[], floors: &[&["ground", "cellar"], &["middle"], &["top"]] };
const MIDDLE: House = House { name: "middle", folder: "src", module: &["middle"], floors: &[&["low"], &["high"]] };

/// What is said of the crate if one file more is in it.
fn with(file: &str, text: &str) -> Vec<String> {
    let own = [
        ("lib.rs", "mod ground; mod cellar; mod middle; mod top; pub use top::Thing; pub use top::Far as Near;"),
        (
            "top.rs",
            "use crate::{ground::Ground, middle::{high::High, Low}}; #[macro_export] macro_rules! shout { () => {} }",
        ),
        ("cellar.rs", ""),
        ("middle/mod.rs", "mod low; mod high; pub use high::High; pub use self::low::Low; fn own() {}"),
        ("middle/high.rs", "use super::low::{self, Low}; use crate::ground::*; fn f() { super::low::f() }"),
        ("middle/low.rs", ""),
    ];
    let own = own.iter().filter(|(name, _)| *name != file).map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    let sources: Vec<_> = own.chain([(file.to_owned(), text.to_owned())]).collect();
    [faults(&CRATE, &sources), faults(&MIDDLE, &sources)].concat()
}

#[test]
fn imports_that_go_down_or_stay_are_no_faults() {
    for text in [
        "use std::{fmt, io::{self, Read as _}}; use self::inner::X; use crate::ground::inner;",
        "//! [`Thing`](crate::top::Thing)\n/* crate::top */ /// crate::top\nfn f() {}",
        "const PATH: &str = \"crate::top\"; const RAW: &str = r#\"\"crate::top\"#; const QUOTE: char = '\"'; fn f<'a>() {}",
        "#[cfg(test)]\nmod tests { use crate::top::Thing; use super::*; }",
        "#[cfg(test)]\nuse crate::top::Thing;\npub(in crate::ground) fn f() {}",
        "mod inner { use super::X; mod deeper { use super::super::X; } } pub(super) fn f() {}",
        "macro_rules! m { ($x:ident) => { $crate::$x!() } }",
    ] {
        assert_eq!(with("ground.rs", text), [""; 0], "{text}");
    }
}

#[test]
fn an_import_that_does_not_go_down_is_found_in_whatever_form_and_told_with_its_line_and_both_modules() {
    let up = "imports of a crate go down only";
    for (text, what) in [
        ("\nuse crate::top::Thing;", "src/ground.rs:2: `ground` (floor 1) imports `top::Thing` of `top` (floor 3)"),
        (
            "use crate::{\n    ground::X,\n    middle::{Low, *},\n};",
            "src/ground.rs:3: `ground` (floor 1) imports `middle::Low`",
        ),
        ("use super::top;", "imports `top` of `top` (floor 3)"),
        ("use {crate::top::Thing, std::fmt};", "imports `top::Thing` of `top` (floor 3)"),
        ("mod inner {\n use super::super::top::Thing;\n}", "src/ground.rs:2: `ground` (floor 1) imports `top::Thing`"),
        ("use crate::Thing;", "imports `Thing` of `top`"),
        ("use crate::Near;", "imports `Near` of `top`"),
        ("use crate::cellar::X;", "imports `cellar::X` of `cellar` (floor 1)"),
        ("fn f() -> crate::top::Thing { \"\\\"\"; 'x'; }", "imports `top::Thing`"),
        ("fn f() { crate::shout!() }", "imports `shout` of `top`"),
        ("#[cfg(test)]\nmod tests { fn f() { {} } }\nuse crate::top::Thing;", "src/ground.rs:3: `ground`"),
        ("#[cfg(test)]\nuse std::{fmt, io};\nuse crate::top::Thing;", "src/ground.rs:3: `ground`"),
    ] {
        let faults = with("ground.rs", text);
        assert!(faults.iter().any(|fault| fault.contains(what) && fault.ends_with(up)), "{text}: {faults:?}");
    }
}

#[test]
fn what_is_wrong_with_a_list_or_above_all_modules_is_found_too() {
    for (file, text, what) in [
        (
            "middle/low.rs",
            "use super::high::High;",
            "src/middle/low.rs:1: `low` (floor 1) imports `high::High` of `high`",
        ),
        ("middle/low.rs", "use super::High;", "imports `High` of `high` (floor 2)"),
        ("middle/low.rs", "use crate::middle::High;", "imports `High` of `high` (floor 2)"),
        ("middle/low.rs", "use super::own;", "`low` imports `own`, which middle itself defines"),
        ("middle/low.rs", "use super::*;", "`low` imports `*`, which middle itself defines or takes in as a whole"),
        ("middle/low.rs", "use super::{self};", "`low` imports middle as a whole"),
        ("ground.rs", "use crate::unheard_of;", "`ground` imports `unheard_of`"),
        ("middle/mod.rs", "mod low; mod high; mod attic;", "middle: module `attic` is on no floor"),
        ("middle/mod.rs", "mod low;", "middle: there is no module `high`"),
    ] {
        let faults = with(file, text);
        assert!(faults.iter().any(|fault| fault.contains(what)), "{text}: {faults:?}");
    }
}

#[test]
fn a_circle_is_found_at_any_depth_and_what_leads_to_it_or_from_it_is_not_blamed() {
    let sources = [
        ("lib.rs", "mod deep;"),
        ("deep/mod.rs", "mod a; mod b; mod c; mod lead; mod led; pub use c::C; pub struct Own;"),
        ("deep/a.rs", "use super::{Own, b::B};"),
        ("deep/b.rs", "use super::{C, led::Led};"),
        ("deep/c.rs", "\nfn f() { crate::deep::a::f() }"),
        ("deep/lead.rs", "use super::a::A;"),
        ("deep/led.rs", "use super::Own;"),
    ];
    let sources = sources.map(|(file, text)| (file.to_owned(), text.to_owned()));
    let why = "at once or by others";
    assert_eq!(
        circles("src", &sources),
        [
            format!("src/deep/a.rs:1: `a` imports `b`, which imports `a`, {why}"),
            format!("src/deep/b.rs:1: `b` imports `c`, which imports `b`, {why}"),
            format!("src/deep/c.rs:2: `c` imports `a`, which imports `c`, {why}"),
        ]
    );
    assert_eq!(circles("src", &sources[..4]), [""; 0]);
}
