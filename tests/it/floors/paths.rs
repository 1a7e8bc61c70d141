//! The paths that a source file names, as far as they begin at the crate, at the module itself or at one above it.

use std::iter;

/// A word or a sign of the language, and its line.
struct Token {
    text: String,
    line: usize,
}

/// A path that a file names, from the crate's root on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) line: usize,
    pub(super) path: Vec<String>,
    /// The name under which a `use` brings it in.
    pub(super) name: String,
}

/// What a file says about modules. Comments, strings and whatever is for tests alone are left out.
#[derive(Default)]
pub(super) struct Said {
    pub(super) named: Vec<Named>,
    /// Modules that it declares, one file each.
    pub(super) modules: Vec<String>,
    /// Modules that it declares for tests alone.
    pub(super) tests: Vec<String>,
    /// Macros that it exports, which are named at the crate's root.
    pub(super) macros: Vec<String>,
}

/// Reads the text of the module at `module`, counted from the crate's root.
pub(super) fn read(text: &str, module: &[String]) -> Said {
    let tokens = tokens(text);
    let mut said = Said::default();
    let mut place = module.to_vec();
    // The depths at which modules written inside this file began.
    let (mut depth, mut begun) = (0, Vec::new());
    let mut at = 0;
    while at < tokens.len() {
        let word = |ahead: usize| tokens.get(at + ahead).map_or("", |token| token.text.as_str());
        match word(0) {
            "#" if (1..7).map(word).eq(["[", "cfg", "(", "test", ")", "]"]) => {
                at = behind_item(&tokens, at + 7, &mut said.tests);
                continue;
            }
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                if begun.last() == Some(&depth) {
                    begun.pop();
                    place.pop();
                }
            }
            "mod" if word(2) == ";" => said.modules.push(word(1).to_owned()),
            "mod" if word(2) == "{" => {
                begun.push(depth);
                place.push(word(1).to_owned());
            }
            "macro_export" => said.macros.extend(exported(&tokens[at..])),
            "use" if !matches!(word(1), "crate" | "self" | "super" | ":" | "::" | "{") && place == module => {
                // A path of a `use` may begin with a module that the file declares; others come from other crates.
                let modules = said.modules.clone();
                let mut found = Vec::new();
                at = tree(&tokens, at + 1, &place, &mut found);
                found.retain(|named| named.path.get(place.len()).is_some_and(|first| modules.contains(first)));
                said.named.extend(found);
                continue;
            }
            "crate" | "self" | "super"
                if word(1) == "::" && !follows(&tokens, at, "::") && !follows(&tokens, at, "in") =>
            {
                let from = if word(0) == "crate" { Vec::new() } else { place.clone() };
                at = tree(&tokens, at, &from, &mut said.named);
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    said
}

fn follows(tokens: &[Token], at: usize, text: &str) -> bool {
    at.checked_sub(1).is_some_and(|before| tokens[before].text == text)
}

/// The name of the macro whose attribute is the first of `tokens`.
fn exported(tokens: &[Token]) -> Option<String> {
    let rules = tokens.iter().position(|token| token.text == "macro_rules")?;
    Some(tokens.get(rules + 2)?.text.clone())
}

/// Steps over the item at `at`; its name goes to `tests` if it is a module in a file of its own.
fn behind_item(tokens: &[Token], mut at: usize, tests: &mut Vec<String>) -> usize {
    let mut depth = 0;
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            "mod" if tokens.get(at + 2).is_some_and(|token| token.text == ";") => {
                tests.push(tokens[at + 1].text.clone())
            }
            "{" => depth += 1,
            "}" if depth == 1 => return at + 1,
            "}" => depth -= 1,
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
        at += 1;
    }
    at
}

/// Reads a path, with branches if it has any, and returns where it ends.
fn tree(tokens: &[Token], mut at: usize, from: &[String], found: &mut Vec<Named>) -> usize {
    let mut path = from.to_vec();
    let mut line = tokens.get(at).map_or(0, |token| token.line);
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token.text != "}") {
                    at = if tokens[at].text == "," { at + 1 } else { tree(tokens, at, &path, found) };
                }
                return at + 1;
            }
            "crate" | "self" => {}
            "super" => drop(path.pop()),
            word if word == "*" || is_word(word) => {
                path.push(word.to_owned());
                line = token.line;
            }
            // A macro's variable: where it leads is for those to say who use the macro.
            "$" => return at + 1,
            _ => break,
        }
        at += 1;
        if tokens.get(at).is_none_or(|token| token.text != "::") {
            break;
        }
        at += 1;
    }
    let mut name = path.last().cloned().unwrap_or_default();
    if tokens.get(at).is_some_and(|token| token.text == "as") {
        name = tokens.get(at + 1).map(|token| token.text.clone()).unwrap_or_default();
        at += 2;
    }
    found.push(Named { line, path, name });
    // What can't belong to a path is stepped over, so that a reader of branches comes to their end.
    if tokens.get(at).is_some_and(|token| !matches!(token.text.as_str(), "," | "}" | "{" | ";")) { at + 1 } else { at }
}

fn is_word(text: &str) -> bool {
    text.starts_with(|first: char| first == '_' || first.is_alphanumeric())
}

/// Words and signs; `::` is one sign. Comments and literals are left out.
fn tokens(text: &str) -> Vec<Token> {
    let letters: Vec<char> = text.chars().collect();
    let (mut at, mut line, mut tokens) = (0, 1, Vec::new());
    while at < letters.len() {
        let rest = &letters[at..];
        let length = match rest {
            ['/', '/', ..] => until(rest, 2, |rest| rest[0] == '\n'),
            ['/', '*', ..] => until(rest, 2, |rest| rest.starts_with(&['*', '/'])) + 2,
            ['r', '#', '"', ..] | ['r', '"', ..] | ['b', 'r', '"' | '#', ..] => raw_string(rest),
            ['"', ..] => quoted(rest, '"'),
            ['\'', '\\', ..] | ['\'', _, '\'', ..] => quoted(rest, '\''),
            [':', ':', ..] => 2,
            [first, ..] if *first == '_' || first.is_alphanumeric() => {
                until(rest, 1, |rest| rest[0] != '_' && !rest[0].is_alphanumeric())
            }
            _ => 1,
        };
        let length = length.min(rest.len());
        let text: String = rest[..length].iter().collect();
        let is_sign = length == 1 && !rest[0].is_whitespace() && !matches!(rest[0], '"' | '\'');
        if text == "::" || is_sign || (is_word(&text) && !text.contains('"')) {
            tokens.push(Token { text, line });
        }
        line += rest[..length].iter().filter(|letter| **letter == '\n').count();
        at += length;
    }
    tokens
}

/// How many letters there are before `is_end` holds.
fn until(letters: &[char], from: usize, is_end: impl Fn(&[char]) -> bool) -> usize {
    (from..letters.len()).find(|at| is_end(&letters[*at..])).unwrap_or(letters.len())
}

fn raw_string(letters: &[char]) -> usize {
    let quote = letters.iter().position(|letter| *letter == '"').unwrap_or(0);
    let hashes = letters[..quote].iter().filter(|letter| **letter == '#').count();
    let end: Vec<char> = iter::once('"').chain(iter::repeat_n('#', hashes)).collect();
    until(letters, quote + 1, |rest| rest.starts_with(&end)) + end.len()
}

fn quoted(letters: &[char], quote: char) -> usize {
    let mut at = 1;
    while at < letters.len() && letters[at] != quote {
        at += if letters[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}
