use std::{
    fs,
    path::{Path, PathBuf},
};

/// Arguments by which cargo builds and runs the same test program.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// `release`; `None` for cargo's own choice.
    profile: Option<String>,
    /// The platform, where it was named.
    triple: Option<String>,
    /// `--lib`, or `--test NAME`; `None` where it is not known what kind of program it is: then cargo looks through all.
    kind: Option<String>,
}

impl Target {
    /// Finds the target by the path of the program: `target/[TRIPLE/]PROFILE/deps/NAME-HASH`.
    pub(super) fn from_program(program: &Path, package: &str, folder: &Path) -> Self {
        let profile_folder = program.parent().filter(|deps| deps.ends_with("deps")).and_then(Path::parent);
        let profile = profile_folder.and_then(name).filter(|name| name != "debug");
        let above = profile_folder.and_then(Path::parent);
        // Cargo writes this file where the target folder begins, and a triple has at least two dashes.
        let has_triple = |above: &&Path| !above.join(".rustc_info.json").exists();
        let triple = above.filter(has_triple).and_then(name).filter(|name| name.matches('-').count() >= 2);
        let stem = program.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let crate_name = stem.rsplit_once('-').map_or(&*stem, |(crate_name, _)| crate_name);
        Self { profile, triple, kind: kind(crate_name, package, folder) }
    }

    /// The arguments of `cargo test`.
    pub(super) fn arguments(&self) -> Vec<String> {
        let profile = self.profile.as_ref().map(|profile| match profile.as_str() {
            "release" => "--release".to_owned(),
            other => format!("--profile {other}"),
        });
        let triple = self.triple.as_ref().map(|triple| format!("--target {triple}"));
        [profile, triple, self.kind.clone()].into_iter().flatten().collect()
    }
}

/// Returns the argument that selects the crate among the programs of the package in `folder`.
fn kind(crate_name: &str, package: &str, folder: &Path) -> Option<String> {
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    let mut tests = files_and_folders(&folder.join("tests"), "main.rs");
    tests.extend(named(&manifest, "[[test]]"));
    if let Some(test) = tests.iter().find(|test| crate_of(test) == crate_name) {
        return Some(format!("--test {test}"));
    }
    let library = named(&manifest, "[lib]").pop().unwrap_or_else(|| package.to_owned());
    if crate_of(&library) == crate_name && folder.join("src/lib.rs").exists() {
        return Some("--lib".to_owned());
    }
    let mut programs = files_and_folders(&folder.join("src/bin"), "main.rs");
    programs.extend(named(&manifest, "[[bin]]"));
    programs.push(package.to_owned());
    programs.iter().find(|program| crate_of(program) == crate_name).map(|program| format!("--bin {program}"))
}

/// A name as the compiler writes it.
fn crate_of(name: &str) -> String {
    name.replace('-', "_")
}

/// Cargo finds programs in `FOLDER/NAME.rs` and `FOLDER/NAME/main.rs`.
fn files_and_folders(folder: &Path, main: &str) -> Vec<String> {
    let entries: Vec<PathBuf> =
        fs::read_dir(folder).map(|entries| entries.flatten().map(|entry| entry.path()).collect()).unwrap_or_default();
    let is_program = |path: &&PathBuf| path.extension().is_some_and(|it| it == "rs") || path.join(main).exists();
    entries
        .iter()
        .filter(is_program)
        .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .collect()
}

/// The names that a manifest gives in tables of this heading. Cargo writes them one a line, and so do people.
fn named(manifest: &str, heading: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut is_inside = false;
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            is_inside = line == heading;
        }
        let value = line.strip_prefix("name").map(str::trim_start).and_then(|rest| rest.strip_prefix('='));
        if let (true, Some(value)) = (is_inside, value) {
            names.push(value.trim().trim_matches(['"', '\'']).to_owned());
        }
    }
    names
}

fn name(folder: &Path) -> Option<String> {
    folder.file_name().map(|name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A package with a library, three test programs and a program, as files.
    fn package() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
            fs::write(path, text).expect("writable");
        };
        file("Cargo.toml", "[package]\nname = \"my-shop\"\n[[test]]\nname = \"by-hand\"\npath = \"elsewhere.rs\"\n");
        file("src/lib.rs", "");
        file("src/bin/serve-it.rs", "");
        file("tests/it/main.rs", "");
        file("tests/slow-ones.rs", "");
        folder
    }

    fn arguments(program: &str) -> String {
        let folder = package();
        let target = folder.path().join("target");
        fs::create_dir_all(&target).expect("writable");
        fs::write(target.join(".rustc_info.json"), "").expect("writable");
        Target::from_program(&target.join(program), "my-shop", folder.path()).arguments().join(" ")
    }

    #[test]
    fn each_kind_of_test_program_is_named_as_cargo_knows_it() {
        assert_eq!(arguments("debug/deps/it-0123456789abcdef"), "--test it");
        assert_eq!(arguments("debug/deps/slow_ones-0123456789abcdef"), "--test slow-ones");
        assert_eq!(arguments("debug/deps/by_hand-0123456789abcdef"), "--test by-hand");
        assert_eq!(arguments("debug/deps/my_shop-0123456789abcdef"), "--lib");
        assert_eq!(arguments("debug/deps/serve_it-0123456789abcdef"), "--bin serve-it");
        assert_eq!(arguments("debug/deps/unheard_of-0123456789abcdef"), "", "then cargo looks through all");
    }

    #[test]
    fn profile_and_platform_are_those_that_it_was_built_with() {
        assert_eq!(arguments("release/deps/it-0123456789abcdef"), "--release --test it");
        assert_eq!(arguments("quick/deps/it-0123456789abcdef"), "--profile quick --test it");
        assert_eq!(
            arguments("x86_64-unknown-linux-gnu/release/deps/it-0123456789abcdef"),
            "--release --target x86_64-unknown-linux-gnu --test it"
        );
    }
}
