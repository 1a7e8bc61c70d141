//! Each promise of the systems that this one grew from has a test that carries its number, and the README links it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use crate::architecture::sources;

/// Rows of which nothing is shown yet.
const OPEN: [u8; 0] = [];

/// Rows of which a part is open: what needs a server that is not there.
const OPEN_IN_PART: [u8; 3] = [14, 47, 48];

const ROWS: u8 = 66;

/// A row of the table: its number, the system, its promise, the tests that show it with their files, and what is open.
#[derive(Debug)]
struct Row<'a> {
    number: u8,
    system: &'a str,
    promise: &'a str,
    /// Name of a test, and its file.
    shown: Vec<(String, &'a str)>,
    open: Option<&'a str>,
}

/// Reads the table, the only one whose rows begin with a number.
fn rows(readme: &str) -> Vec<Row<'_>> {
    let (_, section) = readme.split_once("\n## Promises\n").expect("the README has a section of promises");
    let section = section.split("\n## ").next().unwrap_or_default();
    let lines = section.lines().filter(|line| line.starts_with("| ") && line[2..].starts_with(char::is_numeric));
    lines.map(row).collect()
}

fn row(line: &str) -> Row<'_> {
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [number, system, promise, shown] = cells[..] else { panic!("four columns: {line}") };
    let number: u8 = number.parse().unwrap_or_else(|_| panic!("a number: {line}"));
    let (tests, open) = match shown.split_once("**open**: ") {
        Some((tests, open)) => (tests, Some(open)),
        None => (shown, None),
    };
    // `[what it says in words](its file)`
    let links = tests.split('[').skip(1).map(|link| {
        let (words, file) = link.split_once("](").unwrap_or_else(|| panic!("a link: {link}"));
        let (file, _) = file.split_once(')').unwrap_or_else(|| panic!("a link that ends: {link}"));
        (format!("seed_{number:02}_{}", words.replace(' ', "_")), file)
    });
    Row { number, system, promise, shown: links.collect(), open }
}

/// Name of the function that a line begins, if it carries a number: whatever stands before `fn`, `async` for example.
fn numbered(line: &str) -> Option<&str> {
    let (before, name) = line.split_once("fn seed_")?;
    let is_code = before.chars().all(|letter| letter.is_ascii_lowercase() || " ()".contains(letter));
    let length = name.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')?;
    is_code.then(|| &line[before.len() + "fn ".len()..before.len() + "fn seed_".len() + length])
}

/// Names of the tests of the whole tree that carry a number, with their files.
fn carried() -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["core", "sim", "scenarios", "adapters", "tests", "benches"] {
        for (path, text) in sources(folder) {
            let path = Path::new(&path).strip_prefix(root).expect("below the root").display().to_string();
            found.extend(text.lines().filter_map(numbered).map(|name| (name.to_owned(), path.clone())));
        }
    }
    found
}

fn readme() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("there is a README")
}

#[test]
fn each_promise_has_its_row_and_each_row_its_tests_or_says_that_it_is_open() {
    let readme = readme();
    let rows = rows(&readme);
    let numbers: Vec<u8> = rows.iter().map(|row| row.number).collect();
    assert_eq!(numbers, (1..=ROWS).collect::<Vec<_>>(), "a row each, in their order");
    for row in &rows {
        assert!(!row.system.is_empty() && row.promise.split(' ').count() > 3, "{row:?} says too little");
        assert!(row.open.is_none_or(|why| why.split(' ').count() > 3), "{row:?} does not say why it is open");
    }
    let open = |is_shown: bool| {
        let open = rows.iter().filter(|row| row.open.is_some() && row.shown.is_empty() != is_shown);
        open.map(|row| row.number).collect::<Vec<_>>()
    };
    assert_eq!(open(false), OPEN, "what is open is known to be open");
    assert_eq!(open(true), OPEN_IN_PART, "and so is what is open in part");
    let untold: Vec<_> = rows.iter().filter(|row| row.open.is_none() && row.shown.is_empty()).collect();
    assert!(untold.is_empty(), "neither shown nor open: {untold:#?}");
}

#[test]
fn each_test_that_the_promises_link_is_in_its_file_and_each_that_carries_a_number_is_linked() {
    let readme = readme();
    let mut linked = BTreeSet::new();
    for row in rows(&readme) {
        for (test, file) in row.shown {
            assert!(linked.insert((test.clone(), file.to_owned())), "{test} of {file} is linked twice");
        }
    }
    let carried = carried();
    let missing: Vec<_> = linked.difference(&carried).collect();
    assert!(missing.is_empty(), "the README links tests that are not there: {missing:#?}");
    let untold: Vec<_> = carried.difference(&linked).collect();
    assert!(
        untold.is_empty(),
        "these tests carry the number of a promise, and the README does not link them: {untold:#?}"
    );
    let mut files: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, file) in &linked {
        *files.entry(file).or_default() += 1;
    }
    assert!(files.len() > 30, "{files:?}");
}

#[test]
fn a_test_carries_its_number_whatever_kind_of_function_it_is() {
    for line in ["fn seed_07_x() {", "    async fn seed_07_x() {", "pub(crate) async fn seed_07_x<T>(it: T) {"] {
        assert_eq!(numbered(line), Some("seed_07_x"), "{line}");
    }
    for line in ["// fn seed_07_x() {", "let name = \"fn seed_07_x() {\";", "fn a_seed_07() {", "seed_07_x();"] {
        assert_eq!(numbered(line), None, "{line}");
    }
}

#[test]
fn a_row_is_read_with_its_links_and_what_is_open_of_it() {
    let line = "| 7 | some system | it keeps what it says | [it does](a/b.rs), [it does so twice](c.rs); **open**: on a real server |";
    let read = row(line);
    assert_eq!((read.number, read.system, read.promise), (7, "some system", "it keeps what it says"));
    let shown = [("seed_07_it_does".to_owned(), "a/b.rs"), ("seed_07_it_does_so_twice".to_owned(), "c.rs")];
    assert_eq!((read.shown, read.open), (shown.to_vec(), Some("on a real server")));
    let open = row("| 53 | other | a promise of four words | **open**: it comes with a scenario |");
    assert_eq!((open.shown.len(), open.open), (0, Some("it comes with a scenario")));
}
