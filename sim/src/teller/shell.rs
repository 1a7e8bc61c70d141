/// A word as a shell takes it: as it is where nothing in it means anything to a shell, otherwise between quotes.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "-_./=:,@%+".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_that_a_shell_would_take_apart_are_quoted() {
        assert_eq!(quoted("target/release/my_program"), "target/release/my_program");
        assert_eq!(quoted("--exact"), "--exact");
        assert_eq!(quoted("My Projects/shop"), "'My Projects/shop'");
        assert_eq!(quoted("$HOME"), "'$HOME'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
