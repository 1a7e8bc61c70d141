/// A name that no scenario has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no scenario {name:?}{}; the command `list` shows all", nearest.as_ref().map(|nearest| format!(": did you mean {nearest:?}?")).unwrap_or_default())]
pub struct UnknownScenario {
    /// Name that was asked for.
    pub name: String,
    /// The name that is most like it, if one is.
    pub nearest: Option<String>,
}

/// The one of the known names that `name` may have been meant for.
///
/// ```
/// use seaworthy_sim::catalogue::nearest;
///
/// assert_eq!(nearest("shopp", ["shop", "bank"]).as_deref(), Some("shop"));
/// assert_eq!(nearest("zzz", ["shop", "bank"]), None);
/// ```
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let near = known
        .into_iter()
        .map(|known| {
            // A twin may be meant by the last part of its name.
            let last = known.rsplit('/').next().unwrap_or(known);
            (distance(name, known).min(distance(name, last)), known)
        })
        .min();
    // A third of the letters may be wrong; beyond that it is a guess.
    near.filter(|(distance, _)| *distance * 3 <= name.chars().count()).map(|(_, known)| known.to_owned())
}

/// Returns how many letters must be inserted, left out or replaced (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, against) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *against);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 3] = ["order_fulfillment", "order_fulfillment/dual-write", "payments"];

    #[test]
    fn a_name_with_a_slip_is_told_apart_from_one_that_means_nothing() {
        assert_eq!(nearest("order_fulfilment", KNOWN).as_deref(), Some("order_fulfillment"), "a slip");
        assert_eq!(
            nearest("duel-write", KNOWN).as_deref(),
            Some("order_fulfillment/dual-write"),
            "a twin's own part of its name is enough"
        );
        assert_eq!(nearest("zzz", KNOWN), None);
        assert_eq!(nearest("zzz", []), None);
    }

    #[test]
    fn distance_counts_insertions_deletions_and_replacements() {
        for (one, other, expected) in [("", "abc", 3), ("abc", "", 3), ("abc", "abc", 0), ("kitten", "sitting", 3)] {
            assert_eq!(distance(one, other), expected, "{one} to {other}");
        }
    }
}
