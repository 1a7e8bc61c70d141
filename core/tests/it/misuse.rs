//! Misuse that must not compile, with what the compiler says about it.
//!
//! The compiler is asked about each case by itself, against the library that these tests were built with: nothing that it
//! depends on is checked once more.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
};

/// Where the cases are, beside what the compiler says about them.
const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/misuse");

#[test]
fn seed_03_sagas_in_an_illegal_order_do_not_compile() {
    assert_refused("saga_", 9);
}

#[test]
fn seed_30_messages_staged_without_a_transaction_do_not_compile() {
    assert_refused("outbox_", 2);
}

#[test]
fn aggregates_saved_twice_or_changed_past_the_record_do_not_compile() {
    assert_refused("aggregate_", 2);
}

#[test]
fn seed_17_routers_with_two_sources_or_none_do_not_compile() {
    assert_refused("choreography_", 2);
}

#[test]
fn seed_02_a_saga_of_named_steps_compiles_and_one_without_a_compensation_does_not() {
    assert_compiles(
        "named_steps",
        "use seaworthy_core::saga::{Action, NothingToUndo, SagaBuilder};

         struct Noted;
         impl Action<u32> for Noted {}

         fn main() {
             let reserved = SagaBuilder::<u32>::new(\"order\", 1).compensatable(\"reserve\", Noted, NothingToUndo);
             reserved.pivot(\"confirm\", Noted).retriable(\"ship\", Noted).build().unwrap();
         }",
    );
    assert_refused("saga_compensatable_without", 1);
}

#[test]
fn seed_50_a_result_of_another_type_than_declared_does_not_compile() {
    assert_compiles("typed_result", &typed_result("length.len()"));
    assert_refused("result_", 1);
    let refused = compile(&written("untyped_result", &typed_result("length"))).expect_err("a text is no number");
    assert!(refused.contains("expected `usize`, found `String`"), "{refused}");
}

/// A saga whose result is the length of a text, or is said to be.
fn typed_result(length: &str) -> String {
    let result = format!("let length: String = outputs.output(\"name\")?.unwrap_or_default(); Ok({length})");
    format!(
        "use seaworthy_core::saga::{{Action, SagaBuilder}};

         struct Named;
         impl Action<u32> for Named {{}}

         fn main() {{
             let foo = SagaBuilder::<u32>::new(\"foo\", 1).retriable(\"name\", Named);
             foo.result::<usize>(|outputs| {{ {result} }}).build().unwrap();
         }}"
    )
}

/// What it is told of a message is a message: the producer's row, and whoever could mark it, are out of reach.
#[test]
fn seed_62_a_handler_that_marks_the_producers_row_does_not_compile() {
    assert_refused("inbox_", 1);
}

#[test]
fn seed_63_a_transaction_is_not_used_after_its_end() {
    assert_refused("transaction_", 2);
}

/// A compiler that can't be asked, or that doesn't find the library, refuses whatever it is given.
#[test]
fn what_is_right_compiles() {
    let saga = "seaworthy_core::saga::SagaBuilder::<u32>::new(\"order\", 1)";
    assert_compiles("right", &format!("fn main() {{ let _ = {saga}; }}"));
}

/// That the compiler takes a program.
fn assert_compiles(name: &str, program: &str) {
    assert_eq!(compile(&written(name, program)), Ok(()));
}

/// The path of a program that was written down for the compiler.
fn written(name: &str, program: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.rs"));
    std::fs::write(&path, program).expect("a folder for this test");
    path
}

/// That the compiler refuses all cases whose name begins with `topic`, of which there are so many, and says what it said.
fn assert_refused(topic: &str, count: usize) {
    let files = std::fs::read_dir(CASES).expect("the cases are there");
    let files = files.map(|file| file.expect("readable").path()).filter(|path| path.extension() == Some("rs".as_ref()));
    let name = |path: &Path| path.file_stem().and_then(OsStr::to_str).expect("a name").to_owned();
    let mut cases: Vec<PathBuf> = files.filter(|path| name(path).starts_with(topic)).collect();
    cases.sort();
    assert_eq!(cases.len(), count, "{cases:?}");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(CASES);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for case in cases {
            let said = compile(&case).expect_err("it must not compile");
            insta::assert_snapshot!(name(&case), said);
        }
    });
}

/// Compiles a program against the core, as far as it takes to judge it. Fails with what the compiler says.
fn compile(program: &Path) -> Result<(), String> {
    let libraries = std::env::current_exe().expect("a path").parent().expect("a folder").to_owned();
    let core = format!("seaworthy_core={}", core(&libraries).display());
    let compiled = Command::new("rustc")
        .args(["--edition", "2024", "--emit", "metadata", "--color", "never", "--extern", &core, "-L"])
        .arg(format!("dependency={}", libraries.display()))
        .args(["--out-dir", env!("CARGO_TARGET_TMPDIR")])
        .arg(program)
        // From here it does not find our own sources, and quotes none of their lines.
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .output()
        .expect("a compiler");
    let said = String::from_utf8(compiled.stderr).expect("text");
    if compiled.status.success() { Ok(()) } else { Err(without_places(&said)) }
}

/// The library that was built last: others beside it are of other features, or older.
fn core(libraries: &Path) -> PathBuf {
    let files = std::fs::read_dir(libraries).expect("the folder of this program").filter_map(Result::ok);
    let built = files.filter(|file| {
        let name = file.file_name().into_string().unwrap_or_default();
        name.starts_with("libseaworthy_core-") && name.ends_with(".rlib")
    });
    let newest = built.max_by_key(|file| file.metadata().and_then(|file| file.modified()).ok());
    newest.expect("this program needs the library").path()
}

/// What the compiler says, without folders, without the lines in our own sources at which something stands, and without its
/// last sentences, which only count.
fn without_places(said: &str) -> String {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a folder");
    let (cases, workspace) = (format!("{CASES}/"), format!("{}/", workspace.display()));
    let said = said.split("\nerror: aborting due to").next().unwrap_or_default();
    let lines = said.lines().map(|line| {
        let line = line.replace(&cases, "").replace(&workspace, "");
        match line.split_once("--> core/src/").and_then(|(before, place)| Some((before, place.split(':').next()?))) {
            Some((before, file)) => format!("{before}--> core/src/{file}"),
            None => line,
        }
    });
    lines.collect::<Vec<_>>().join("\n").trim_end().to_owned()
}
