//! Plain words: a doc summary says what an item is or does, and a crate has one public name for one thing.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use crate::architecture::{sources, workspace};

/// Openings that ask instead of answering.
const QUESTIONS: [&str; 15] = [
    "how",
    "what",
    "whatever",
    "when",
    "whenever",
    "where",
    "wherever",
    "whether",
    "which",
    "whichever",
    "who",
    "whoever",
    "whom",
    "whose",
    "why",
];

/// Prepositions that a question hides behind: `By whom.`, `For how many ..`.
const PREPOSITIONS: [&str; 14] =
    ["about", "after", "at", "before", "by", "for", "from", "in", "of", "on", "since", "to", "until", "with"];

/// A summary of fewer words repeats the name of its item.
const WORDS_MIN: usize = 3;

/// Name and folder of every package of the workspace.
fn folders() -> Vec<(String, PathBuf)> {
    let metadata = workspace();
    let packages = metadata["packages"].as_array().expect("a list of packages");
    let folder = |package: &serde_json::Value| {
        let manifest = Path::new(package["manifest_path"].as_str().expect("a path"));
        (package["name"].as_str().expect("a name").to_owned(), manifest.with_file_name(""))
    };
    packages.iter().map(folder).collect()
}

/// Name and `src` folder of every package of the workspace that has one.
pub(crate) fn packages() -> Vec<(String, PathBuf)> {
    folders().into_iter().map(|(name, folder)| (name, folder.join("src"))).filter(|(_, src)| src.is_dir()).collect()
}

/// Every source of the workspace, tests among them.
fn all_sources() -> Vec<(String, String)> {
    let within = |(_, folder): (String, PathBuf)| ["src", "it", "tests/it"].map(|part| folder.join(part));
    let unique: BTreeSet<PathBuf> = folders().into_iter().flat_map(within).filter(|folder| folder.is_dir()).collect();
    unique.iter().flat_map(|folder| sources(&folder.display().to_string())).collect()
}

/// First paragraph of each doc comment of a file, by the number of its first line.
fn paragraphs(text: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let (mut marker, mut is_open) = ("", false);
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_start();
        let now = ["///", "//!"].into_iter().find(|marker| line.starts_with(marker)).unwrap_or_default();
        let said = line.strip_prefix(now).unwrap_or_default().trim();
        let begins = !now.is_empty() && now != marker;
        marker = now;
        if begins {
            found.push((number + 1, said.to_owned()));
            is_open = true;
        } else if now.is_empty() || said.is_empty() {
            is_open = false;
        } else if let (true, Some((_, paragraph))) = (is_open, found.last_mut()) {
            paragraph.push(' ');
            paragraph.push_str(said);
        }
    }
    found
}

/// First sentence of a paragraph; a full stop within a span of code ends none.
fn summary(paragraph: &str) -> &str {
    let mut is_code = false;
    let ends = |(at, letter): (usize, char)| {
        is_code ^= letter == '`';
        (!is_code && letter == '.' && !paragraph[at + 1..].starts_with(|next: char| next != ' ')).then_some(at + 1)
    };
    let end = paragraph.char_indices().find_map(ends);
    &paragraph[..end.unwrap_or(paragraph.len())]
}

/// Says what is wrong with a summary, if anything is.
fn fault(summary: &str) -> Option<&'static str> {
    let letters = |word: &str| word.chars().filter(|letter| letter.is_alphanumeric()).collect::<String>();
    let words: Vec<String> =
        summary.split_whitespace().map(|word| letters(word).to_lowercase()).filter(|word| !word.is_empty()).collect();
    let is_question = |at: usize| words.get(at).is_some_and(|word| QUESTIONS.contains(&word.as_str()));
    let is_preposition = words.first().is_some_and(|word| PREPOSITIONS.contains(&word.as_str()));
    if is_question(0) || (is_preposition && is_question(1)) {
        return Some("opens as a question: say what it is (a noun) or does (`Returns ..`)");
    }
    (words.len() < WORDS_MIN).then_some("says no more than a name: say what it is, its unit, its range")
}

/// Name that a line declares a public type by, if it does.
pub(crate) fn public_type(line: &str) -> Option<&str> {
    let declared = line.trim_start().strip_prefix("pub ")?;
    let name = ["struct ", "enum ", "trait ", "type ", "union "].iter().find_map(|word| declared.strip_prefix(word))?;
    name.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next().filter(|name| !name.is_empty())
}

#[test]
fn doc_summaries_say_what_an_item_is_or_does() {
    let mut wrong = Vec::new();
    for (_, src) in packages() {
        for (path, text) in sources(&src.display().to_string()) {
            for (line, paragraph) in paragraphs(&text) {
                let summary = summary(&paragraph);
                wrong.extend(fault(summary).map(|why| format!("{path}:{line}: `{summary}` {why}")));
            }
        }
    }
    assert!(wrong.is_empty(), "{} doc summaries:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_crate_has_one_public_name_for_one_thing() {
    let mut twice = Vec::new();
    for (package, src) in packages() {
        let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (path, text) in sources(&src.display().to_string()) {
            for (number, line) in text.lines().enumerate() {
                if let Some(name) = public_type(line) {
                    names.entry(name.to_owned()).or_default().push(format!("{path}:{}", number + 1));
                }
            }
        }
        assert!(!names.is_empty() || package.ends_with("shop"), "{package} declares no public type");
        names.retain(|_, places| places.len() > 1);
        twice.extend(names.into_iter().map(|(name, places)| format!("{package}: `{name}`: {}", places.join(", "))));
    }
    assert!(twice.is_empty(), "public types of one name in one crate: rename all but one\n{}", twice.join("\n"));
}

#[test]
fn the_check_of_summaries_knows_a_question_and_a_bare_name_from_an_answer() {
    for question in ["What it is.", "Whether it has ended, and how.", "By whom it was handled.", "when?"] {
        assert!(fault(question).is_some_and(|why| why.starts_with("opens")), "{question}");
    }
    for name in ["Its name.", "The step.", "`commit`"] {
        assert!(fault(name).is_some_and(|why| why.starts_with("says")), "{name}");
    }
    for answer in ["Returns what it is.", "Name of the step.", "In the end it holds."] {
        assert_eq!(fault(answer), None, "{answer}");
    }
    let text = "/// Reads `a.b` once.\n/// Twice it fails.\n///\n/// Why?\nfn f() {}\n\n//! Which.\n";
    let found: Vec<_> = paragraphs(text).into_iter().map(|(line, text)| (line, summary(&text).to_owned())).collect();
    assert_eq!(found, [(1, "Reads `a.b` once.".to_owned()), (7, "Which.".to_owned())]);
}

#[test]
fn the_check_of_names_sees_every_kind_of_public_type() {
    for line in ["pub struct Name<T>(T);", "pub enum Name {", "pub trait Name: Send {", "    pub type Name = u8;"] {
        assert_eq!(public_type(line), Some("Name"), "{line}");
    }
    for line in ["pub(crate) struct Name;", "struct Name;", "pub fn name() {}", "// pub struct Name;"] {
        assert_eq!(public_type(line), None, "{line}");
    }
}

/// Lines at which a function called `of` begins that returns what it is a function of.
fn constructors_called_of(text: &str) -> Vec<usize> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let begins = |line: &str| {
        let before = ["fn of(", "fn of<"].iter().find_map(|name| line.split_once(name)).map(|(before, _)| before);
        before.is_some_and(|before| !before.contains(['"', '/']))
    };
    let signature = |from: usize| {
        let rest = lines[from..].iter().take(12);
        let end = rest.clone().position(|line| line.ends_with('{') || line.ends_with(';')).unwrap_or(0);
        rest.take(end + 1).copied().collect::<Vec<_>>().join(" ")
    };
    let makes = |from: usize| signature(from).split_once("->").is_some_and(|(_, made)| made.contains("Self"));
    lines.iter().enumerate().filter(|(from, line)| begins(line) && makes(*from)).map(|(from, _)| from + 1).collect()
}

#[test]
fn no_constructor_is_called_of() {
    for seen in [
        "fn of(a: u8) -> Self {",
        "pub(super) fn of<'a>(\n    a: &'a u8,\n) -> Option<Self> {",
        "    fn of() -> (Self, u8);",
    ] {
        assert_eq!(constructors_called_of(seen), [1], "{seen}");
    }
    for other in ["fn of(&self, message: usize) -> &mut T {", "// fn of() -> Self {", "fn of_one(self) -> Self {"] {
        assert_eq!(constructors_called_of(other), [0; 0], "{other}");
    }
    let mut found = Vec::new();
    for (path, text) in all_sources() {
        found.extend(constructors_called_of(&text).into_iter().map(|line| format!("{path}:{line}")));
    }
    assert!(found.is_empty(), "`new` or `from_..` says what it is made of: {found:#?}");
}

/// Words that stood for many things, and the ones that say which: `OpenSaga`, `ToldFailure`, `Disposition`.
const VAGUE: [&str; 4] = ["Open", "Strike", "Struck", "Told"];

#[test]
fn no_type_is_called_by_a_participle_alone() {
    let mut found = Vec::new();
    for (path, text) in all_sources() {
        let defined = |line: &str| {
            let words: Vec<&str> = line.split(|letter: char| !letter.is_alphanumeric() && letter != '_').collect();
            let at = words.iter().position(|word| ["struct", "enum", "trait", "type", "union"].contains(word))?;
            VAGUE.iter().find(|vague| words.get(at + 1) == Some(vague)).copied()
        };
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
        found.extend(lines.filter_map(|(number, line)| Some(format!("{path}:{}: {}", number + 1, defined(line)?))));
    }
    assert!(found.is_empty(), "say what is open, told or struck: {found:#?}");
}

/// Lines beyond which nobody has a file in mind as a whole. Most have a fourth of that; the longest are lists, and tests of one
/// thing.
const LINES_MAX: usize = 410;

#[test]
fn no_file_is_longer_than_one_can_have_in_mind() {
    let files = all_sources();
    let long = files.iter().map(|(path, text)| (text.lines().count(), path)).filter(|(lines, _)| *lines > LINES_MAX);
    let long: Vec<_> = long.collect();
    assert!(files.len() > 1_000, "{}", files.len());
    assert!(long.is_empty(), "ask which two things each of these is: {long:#?}");
}

/// Every call of every port goes through the simulator's shell, so that what strikes a call is written once. Where a port
/// or an operation needs lines of its own there, that has been lost.
const SHELL_LINES_MAX: usize = 600;

#[test]
fn the_shell_around_all_ports_stays_small() {
    let lines: usize = sources("sim/src/shell").iter().map(|(_, text)| text.lines().count()).sum();
    assert!(lines < SHELL_LINES_MAX, "{lines} lines: is a fault or an operation named here that need not be?");
}
