//! What may grow says so, and what may not says why: a program that uses it goes on compiling, or is to be looked at.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    architecture::sources,
    tidy::{packages, public_type},
};

/// A public enum, or a public struct with public fields.
struct Defined {
    name: String,
    place: String,
    /// Docs and attributes.
    head: Vec<String>,
    body: Vec<String>,
}

impl Defined {
    fn is_open(&self) -> bool {
        self.head.iter().any(|line| line == "#[non_exhaustive]")
    }

    /// The public fields of a struct, by name.
    fn fields(&self) -> impl Iterator<Item = &str> {
        self.body.iter().filter_map(|line| line.strip_prefix("pub ")?.split_once(':')).map(|(name, _)| name)
    }
}

/// Lines of a file that define a type of a kind: `enum` or `struct`.
fn defined(path: &str, text: &str, kind: &str) -> Vec<Defined> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let begins = |line: &str| line.starts_with(&format!("pub {kind} "));
    let read = |number: usize| {
        // None where a macro names it.
        let name = public_type(lines[number])?.to_owned();
        let is_head = |line: &&&str| line.starts_with("///") || line.starts_with("#[");
        let head = lines[..number].iter().rev().take_while(is_head).map(|line| (*line).to_owned()).collect();
        let body = lines[number..].iter().take_while(|line| **line != "}").map(|line| (*line).to_owned()).collect();
        Some(Defined { name, place: format!("{path}:{}", number + 1), head, body })
    };
    (0..lines.len()).filter(|number| begins(lines[*number])).filter_map(read).collect()
}

/// Names of the methods that take a value of a type and return it changed, by the type.
fn setters(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let (mut found, mut of) = (BTreeMap::<String, BTreeSet<String>>::new(), String::new());
    for line in text.lines() {
        if let Some(inherent) = line.strip_prefix("impl").filter(|rest| !rest.contains(" for ")) {
            let name = if inherent.starts_with('<') {
                inherent.split_once("> ").map_or("", |(_, name)| name)
            } else {
                inherent
            };
            of =
                name.trim_start().split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default().to_owned();
        }
        let method = line.trim_start().strip_prefix("pub ").map(|rest| rest.trim_start_matches("const "));
        if let Some((name, rest)) =
            method.and_then(|rest| rest.strip_prefix("fn ")).and_then(|rest| rest.split_once('('))
            && (rest.starts_with("self,") || rest.starts_with("mut self"))
        {
            found.entry(of.clone()).or_default().insert(name.to_owned());
        }
    }
    found
}

/// Types that get another field now and then, beside those whose name or whose setters say that they are settings.
const MAY_GROW: [&str; 3] = ["Backoff", "Pointers", "Style"];

#[test]
fn settings_break_no_program_when_they_get_another_field() {
    let (mut closed, mut seen) = (Vec::new(), BTreeSet::new());
    for (_, src) in packages() {
        let files = sources(&src.display().to_string());
        let mut setters_of = BTreeMap::<String, BTreeSet<String>>::new();
        for (name, setters) in files.iter().flat_map(|(_, text)| setters(text)) {
            setters_of.entry(name).or_default().extend(setters);
        }
        for defined in files.iter().flat_map(|(path, text)| defined(path, text, "struct")) {
            let ends = ["Config", "Options", "Policy", "Settings"];
            let is_set = |field: &str| setters_of.get(&defined.name).is_some_and(|setters| setters.contains(field));
            let by_name = MAY_GROW.contains(&&*defined.name) || ends.iter().any(|end| defined.name.ends_with(end));
            if by_name || defined.fields().any(is_set) {
                seen.insert(defined.name.clone());
                closed.extend((!defined.is_open()).then_some(defined.place));
            }
        }
    }
    for known in ["Backoff", "Pointers", "ConsumerConfig", "FailurePolicy", "Topology", "Until"] {
        assert!(seen.contains(known), "{known} is not seen among {seen:?}");
    }
    assert!(closed.is_empty(), "without #[non_exhaustive]: {closed:#?}");
}

/// A reason of fewer words is none.
const WORDS_MIN: usize = 5;

#[test]
fn a_public_enum_may_grow_or_says_why_not() {
    let (mut wrong, mut closed, mut open) = (Vec::new(), 0, 0);
    for (_, src) in packages() {
        for (path, text) in sources(&src.display().to_string()) {
            for defined in defined(&path, &text, "enum") {
                let is_empty = defined.body[0].ends_with("{}");
                let reason = defined.head.iter().find_map(|line| line.strip_prefix("/// Closed on purpose: "));
                let is_reasoned = reason.is_some_and(|why| why.split_whitespace().count() >= WORDS_MIN);
                match (defined.is_open(), reason) {
                    _ if is_empty => {}
                    (true, None) => open += 1,
                    (false, Some(_)) if is_reasoned => closed += 1,
                    _ => wrong.push(defined.place),
                }
            }
        }
    }
    assert!(wrong.is_empty(), "neither #[non_exhaustive] nor `Closed on purpose: ` with a reason: {wrong:#?}");
    assert!(closed > 10 && open > 50, "{closed} closed, {open} open");
}

#[test]
fn the_check_of_growth_sees_heads_fields_and_setters() {
    let text = "/// A limit.\n#[non_exhaustive]\npub struct Limit {\n    /// Rows.\n    pub rows: u64,\n    own: u8,\n}\n\nimpl Limit {\n    pub const fn rows(mut self, rows: u64) -> Self {\n    pub fn own(&self) -> u8 {\n";
    let [limit] = &defined("limit.rs", text, "struct")[..] else { panic!("one type") };
    assert!(limit.is_open() && limit.place == "limit.rs:3");
    assert_eq!(limit.fields().collect::<Vec<_>>(), ["rows"]);
    assert_eq!(setters(text)["Limit"], BTreeSet::from(["rows".to_owned()]));
    assert!(defined("limit.rs", text, "enum").is_empty());
}
