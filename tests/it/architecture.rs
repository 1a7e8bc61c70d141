//! The architecture's invariants, held by tests. ARCHITECTURE.md names the test behind each line.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

use serde_json::Value;

use crate::tidy;

pub(crate) fn cargo(arguments: &[&str]) -> Vec<u8> {
    let command = Command::new(env!("CARGO")).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    let output = command.expect("cargo runs");
    assert!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The workspace's own packages with their direct dependencies: read from the manifests alone, so nothing needs to have
/// been fetched.
pub(crate) fn workspace() -> Value {
    let metadata = cargo(&["metadata", "--format-version", "1", "--offline", "--no-deps"]);
    serde_json::from_slice(&metadata).expect("cargo metadata prints JSON")
}

/// Name and licence of every package that a plain build of this machine uses. Packages of other platforms are left out: a
/// plain build never fetches them, and a machine that has built nothing else does not have them.
fn everything_built_here() -> Vec<(String, String)> {
    let tree = cargo(&["tree", "--edges", "all", "--prefix", "none", "--offline", "--format", "{p}|{l}"]);
    let tree = String::from_utf8(tree).expect("cargo prints text");
    // What was shown before is marked, and named again without being shown.
    let lines: BTreeSet<&str> = tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    lines
        .into_iter()
        .filter_map(|line| line.split_once('|'))
        .map(|(name, licence)| (name.to_owned(), licence.to_owned()))
        .collect()
}

/// Direct normal dependencies of a workspace package.
pub(crate) fn dependencies(metadata: &Value, package: &str) -> BTreeSet<String> {
    let packages = metadata["packages"].as_array().expect("a list of packages");
    let package = packages.iter().find(|known| known["name"] == package).expect("the package exists");
    let dependencies = package["dependencies"].as_array().expect("a list of dependencies");
    let normal = dependencies.iter().filter(|dependency| dependency["kind"].is_null());
    normal.map(|dependency| dependency["name"].as_str().expect("a name").to_owned()).collect()
}

/// Every Rust source file below a folder, with its text.
pub(crate) fn sources(folder: &str) -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<(String, String)>) {
        let mut entries: Vec<_> = fs::read_dir(folder).expect("the folder exists").flatten().collect();
        entries.sort_by_key(std::fs::DirEntry::path);
        for entry in entries {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push((path.display().to_string(), fs::read_to_string(&path).expect("the file is text")));
            }
        }
    }
    let mut found = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut found);
    assert!(!found.is_empty(), "{folder} holds no sources");
    found
}

/// Lines of code that contain `word`: comments and documentation do not count.
fn lines_with(folder: &str, word: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in sources(folder) {
        for (number, line) in text.lines().enumerate() {
            if !line.trim_start().starts_with("//") && line.contains(word) {
                found.push(format!("{path}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    found
}

#[test]
fn arrows_between_crates_point_down() {
    let metadata = workspace();
    let own = |package: &str| {
        let mut own = dependencies(&metadata, package);
        own.retain(|name| name.starts_with("seaworthy-"));
        own
    };
    assert_eq!(own("seaworthy-core"), BTreeSet::new());
    assert_eq!(own("seaworthy-memory"), BTreeSet::from(["seaworthy-core".to_owned()]));
    let on_memory = BTreeSet::from(["seaworthy-core".to_owned(), "seaworthy-memory".to_owned()]);
    assert_eq!(own("seaworthy-sim"), on_memory);
    assert_eq!(own("seaworthy-metrics"), BTreeSet::from(["seaworthy-core".to_owned()]));
    assert_eq!(own("seaworthy-redb"), BTreeSet::from(["seaworthy-core".to_owned()]));
    assert_eq!(own("seaworthy-sqlite"), BTreeSet::from(["seaworthy-core".to_owned()]));
    assert_eq!(own("seaworthy-tokio"), on_memory);
}

/// The length of the longest way down from a package.
fn depth(needs: &BTreeMap<String, BTreeSet<String>>, package: &str) -> usize {
    needs[package].iter().map(|below| 1 + depth(needs, below)).max().unwrap_or_default()
}

#[test]
fn the_architecture_shows_the_same_arrows() {
    let metadata = workspace();
    let own = |package: String| {
        let mut needs = dependencies(&metadata, &package);
        needs.retain(|name| name.starts_with("seaworthy-"));
        (package, needs)
    };
    // Packages of tests alone have no sources of their own that something could need.
    let needs: BTreeMap<_, _> = tidy::packages().into_iter().map(|(package, _)| own(package)).collect();
    let mut packages: Vec<_> = needs.keys().collect();
    packages.sort_by_key(|package| (depth(&needs, package), *package));
    let mut table = String::from("| package | needs |\n|---|---|\n");
    for package in packages {
        let below: Vec<_> = needs[package].iter().map(|name| format!("`{name}`")).collect();
        let below = if below.is_empty() { "nothing of all this".to_owned() } else { below.join(", ") };
        table += &format!("| `{package}` | {below} |\n");
    }
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md"));
    let text = text.expect("ARCHITECTURE.md exists");
    assert!(text.contains(&format!("\n{table}\n")), "ARCHITECTURE.md shows other arrows than these:\n{table}");
}

/// The packages that are published, by folder.
const PACKAGES: [&str; 12] = [
    "core",
    "sim",
    "scenarios",
    "scenarios/order_fulfillment",
    "scenarios/order_inventory",
    "scenarios/card_table",
    "scenarios/event_store",
    "adapters/memory",
    "adapters/metrics",
    "adapters/tokio",
    "adapters/redb",
    "adapters/sqlite",
];

#[test]
fn every_package_has_its_licences_and_a_readme_whose_links_lead_somewhere_from_anywhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: String| fs::read_to_string(root.join(&path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    for package in PACKAGES {
        for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
            assert_eq!(read(format!("{package}/{licence}")), read(licence.into()), "{package}: {licence}");
        }
        assert!(read(format!("{package}/Cargo.toml")).contains("readme = \"README.md\""), "{package}");
        let readme = read(format!("{package}/README.md"));
        // Where a package is published, nothing lies beside its README.
        for link in readme.split("](").skip(1) {
            assert!(
                link.starts_with("https://") || link.starts_with('#'),
                "{package}: {}",
                &link[..link.len().min(60)]
            );
        }
    }
}

#[test]
fn only_the_simulator_depends_on_madsim() {
    let metadata = workspace();
    let others = [
        "seaworthy-core",
        "seaworthy-order-fulfillment",
        "seaworthy-order-inventory",
        "seaworthy-card-table",
        "seaworthy-event-store",
        "seaworthy-scenarios",
        "seaworthy-memory",
        "seaworthy-metrics",
        "seaworthy-redb",
        "seaworthy-sqlite",
        "seaworthy-tokio",
    ];
    for package in others {
        assert!(!dependencies(&metadata, package).contains("madsim"), "{package} names madsim");
    }
    assert!(dependencies(&metadata, "seaworthy-sim").contains("madsim"));
}

#[test]
fn the_core_reads_no_clock_draws_nothing_and_does_no_io() {
    for word in ["std::fs", "std::net", "std::env", "Instant::now", "SystemTime", "getrandom", "thread::", "println!"] {
        let found = lines_with("core/src", word);
        assert!(found.is_empty(), "core names {word}:\n{}", found.join("\n"));
    }
    let metadata = workspace();
    let dependencies = dependencies(&metadata, "seaworthy-core");
    for name in ["rand", "rand_core", "rand_chacha", "getrandom", "mio", "socket2"] {
        assert!(!dependencies.contains(name), "core depends on {name}");
    }
}

#[test]
fn invariants_draw_nothing_and_touch_no_port() {
    for word in ["Draw", "rand_", "madsim", "seaworthy_core::ports::Store", "async fn", ".await"] {
        let found = lines_with("sim/src/invariants", word);
        assert!(found.is_empty(), "an invariant names {word}:\n{}", found.join("\n"));
    }
}

#[test]
fn simulated_stores_and_brokers_decide_no_fault() {
    for word in ["Verdict", "Disposition", "Fault", "Draw", "rand_", "madsim"] {
        let found = lines_with("adapters/memory/src", word);
        assert!(found.is_empty(), "a component in memory names {word}:\n{}", found.join("\n"));
    }
}

#[test]
fn statements_are_literals_and_values_are_bound() {
    let mut statements = 0;
    for (path, text) in sources("adapters/sqlite/src") {
        // Tests look into any table, and explain any statement. Some statements name a user's tables, and no statement
        // can bind a name: one file puts them together, and quotes each.
        if path.ends_with("tests.rs") || path.ends_with("/composed.rs") {
            continue;
        }
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        statements += code.matches("prepare_cached(").count();
        for word in ["format!(", "write!(", "push_str(", ".concat()", ".join(\"", ".to_owned() +", "to_string() +"] {
            assert!(!code.contains(word), "{path} has {word}: is that text, or a part of it, run as SQL?");
        }
    }
    assert!(statements > 30, "the adapter's statements are prepared, and found by their name: {statements}");
}

#[test]
fn no_statement_reads_a_clock_of_its_own() {
    for word in ["CURRENT_TIME", "datetime(", "strftime(", "unixepoch(", "julianday(", "'now'", "SystemTime"] {
        let found = lines_with("adapters/redb/src", word);
        assert!(found.is_empty(), "the redb store asks for {word}, not its clock port:\n{}", found.join("\n"));
        let found = lines_with("adapters/sqlite/src", word);
        assert!(found.is_empty(), "the SQLite store asks for {word}, not its clock port:\n{}", found.join("\n"));
        let schema = include_str!("../../adapters/sqlite/src/schema/0001.sql");
        assert!(!schema.contains(word), "a default or trigger of the schema asks for {word}");
    }
}

#[test]
fn every_dependency_has_a_licence_that_deny_toml_allows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let deny = fs::read_to_string(root.join("deny.toml")).expect("deny.toml exists");
    let allowed: BTreeSet<&str> = deny
        .split_once("allow = [")
        .and_then(|(_, rest)| rest.split_once(']'))
        .map(|(list, _)| list.split('"').skip(1).step_by(2).collect())
        .expect("deny.toml lists licences");
    let packages = everything_built_here();
    assert!(packages.len() > 100, "cargo knows only of {}", packages.len());
    for (package, licence) in packages {
        let one_fits = licence.replace('/', " OR ").split(" OR ").any(|option| {
            let option = option.trim().trim_matches(['(', ')']);
            option.split(" AND ").all(|part| allowed.contains(part.trim().trim_matches(['(', ')'])))
        });
        assert!(one_fits, "{package} is under {licence:?}: allow it in deny.toml or do without it");
    }
}

#[test]
fn nothing_is_left_undone() {
    for folder in ["core/src", "sim/src", "scenarios", "adapters"] {
        for word in ["todo!(", "unimplemented!(", "#[ignore", "FIXME"] {
            let found = lines_with(folder, word);
            assert!(found.is_empty(), "{folder} has {word}:\n{}", found.join("\n"));
        }
    }
}

#[test]
fn faults_are_looked_up_and_not_drawn() {
    for file in ["faults", "lasting", "spoils", "spoilt", "timed"] {
        let file = format!("sim/src/kernel/{file}.rs");
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(&file)).expect("the file exists");
        for word in ["Draw", "rand", "bits()", "chance("] {
            assert!(!text.contains(word), "{file} names {word}");
        }
    }
}

/// A link that leads nowhere is worse than none, and each crate's documentation has one place.
#[test]
fn each_published_crate_says_where_its_documentation_is_and_names_no_other_place() {
    let metadata = workspace();
    let members = metadata["workspace_members"].as_array().expect("a list of members");
    let packages = metadata["packages"].as_array().expect("a list of packages");
    let published: Vec<_> = packages
        .iter()
        .filter(|package| members.contains(&package["id"]) && package["publish"] != Value::Array(Vec::new()))
        .collect();
    assert_eq!(published.len(), PACKAGES.len(), "those of the list above are published");
    for package in published {
        let name = package["name"].as_str().expect("a name");
        assert_eq!(package["documentation"], format!("https://docs.rs/{name}"));
        assert_eq!((&package["repository"], &package["homepage"]), (&Value::Null, &Value::Null), "{name}");
    }
}

/// A target with `test = false` is built once and not twice; a test within it would never run.
#[test]
fn no_test_stands_where_none_is_run() {
    let metadata = workspace();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let packages = metadata["packages"].as_array().expect("a list of packages");
    let targets = |package: &Value| package["targets"].as_array().expect("a list of targets").clone();
    let source = |target: &Value| fs::canonicalize(target["src_path"].as_str().expect("a path")).expect("it is there");
    // Another package may build the same sources for their tests alone.
    let tested: BTreeSet<_> =
        packages.iter().flat_map(targets).filter(|it| it["test"] == true).map(|it| source(&it)).collect();
    for package in packages {
        for target in targets(package).iter().filter(|target| {
            target["test"] == false
                && target["kind"] != serde_json::json!(["bench"])
                && !tested.contains(&source(target))
        }) {
            let library = Path::new(target["src_path"].as_str().expect("a path"));
            let folder =
                library.parent().and_then(|folder| folder.strip_prefix(root).ok()).expect("it is in the workspace");
            let sources = sources(&folder.display().to_string());
            found.extend(sources.into_iter().filter(|(_, text)| text.contains("#[test]")).map(|(file, _)| file));
        }
    }
    found.dedup();
    // The README's workflow is among the tests of its package by its path.
    let elsewhere = include_str!("../../scenarios/tests/it/main.rs").contains(r#"#[path = "../../src/welcoming.rs"]"#);
    found.retain(|file| !(elsewhere && file.ends_with("scenarios/src/welcoming.rs")));
    assert!(found.is_empty(), "these hold tests that nothing runs: {found:#?}");
}
