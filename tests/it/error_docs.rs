//! A section of errors says when which error comes: a link alone is what the signature says already.

use crate::{architecture::sources, tidy::packages};

/// Lines at which a section of errors begins whose first paragraph consists of links, with that paragraph.
fn bare_links(text: &str) -> Vec<(usize, String)> {
    let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
    let doc = |line: &&&str| line.strip_prefix("///").or(line.strip_prefix("//!")).map(|said| said.trim().to_owned());
    let paragraph = |from: usize| {
        let said = lines[from..].iter().map_while(|line| doc(&line)).skip_while(String::is_empty);
        said.take_while(|line| !line.is_empty() && !line.starts_with('#')).collect::<Vec<_>>().join(" ")
    };
    let sections = lines.iter().enumerate().filter(|(_, line)| doc(line).is_some_and(|said| said == "# Errors"));
    let paragraphs = sections.map(|(number, _)| (number + 1, paragraph(number + 1)));
    paragraphs.filter(|(_, paragraph)| says_nothing(paragraph)).collect()
}

/// Returns `true` if a paragraph has no word of its own beside its links.
fn says_nothing(paragraph: &str) -> bool {
    let mut own = String::new();
    let mut rest = paragraph;
    while let Some((before, link)) = rest.split_once('[') {
        own.push_str(before);
        let (_, after) = link.split_once(']').unwrap_or((link, ""));
        let target = after.strip_prefix('(').and_then(|target| target.split_once(')'));
        rest = target.map_or(after, |(_, after)| after);
    }
    own.push_str(rest);
    let mut words = own.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.all(|word| ["and", "or"].contains(&word))
}

#[test]
fn a_section_of_errors_says_when_they_come() {
    let (mut sections, mut found) = (0, Vec::new());
    for (_, src) in packages() {
        for (path, text) in sources(&src.display().to_string()) {
            sections += text.matches("# Errors").count();
            found.extend(bare_links(&text).into_iter().map(|(line, said)| format!("{path}:{line}: {said}")));
        }
    }
    assert!(sections > 300, "{sections} sections");
    assert!(found.is_empty(), "say when which of them comes:\n{}", found.join("\n"));
}

#[test]
fn the_check_of_errors_knows_a_link_from_a_sentence() {
    for bare in ["[`StoreError`].", "[`A::B`](x::y), [`C`].", "[`A`] and [`B`](c(d))."] {
        let text = format!("    /// Reads.\n    ///\n    /// # Errors\n    /// {bare}\n    fn read();\n");
        assert_eq!(bare_links(&text), [(3, bare.to_owned())]);
    }
    for said in ["[`A`] if there is none.", "Any [`StoreError`].", "[`A`], [`B`]:\n    /// not applied."] {
        let text = format!("    /// # Errors\n    /// {said}\n    ///\n    /// Dropping it.\n    fn read();\n");
        assert_eq!(bare_links(&text), [], "{said}");
    }
}
