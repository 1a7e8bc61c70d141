//! All scenarios by name.

use seaworthy_sim::scenario::Scenario;

use crate::{order_fulfillment::OrderFulfillment, specimens};

/// A name that no scenario has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no scenario {name:?}{}; `seaworthy list` shows all", nearest.as_ref().map(|nearest| format!(": did you mean {nearest:?}?")).unwrap_or_default())]
pub struct UnknownScenario {
    /// What was asked for.
    pub name: String,
    /// The name that is most like it, if one is.
    pub nearest: Option<String>,
}

/// The scenario with everything right, and its broken twins.
pub fn all() -> Vec<OrderFulfillment> {
    let mut all = vec![OrderFulfillment::new()];
    all.extend(specimens::all());
    all
}

/// The scenario of this name.
///
/// # Errors
/// [`UnknownScenario`], with the nearest name that there is.
pub fn find(name: &str) -> Result<OrderFulfillment, UnknownScenario> {
    let mut all = all();
    if let Some(at) = all.iter().position(|scenario| scenario.name() == name) {
        return Ok(all.swap_remove(at));
    }
    let near = all
        .iter()
        .map(Scenario::name)
        .map(|known| {
            // A specimen may be meant by the last part of its name.
            let last = known.rsplit('/').next().unwrap_or(known);
            (distance(name, known).min(distance(name, last)), known)
        })
        .min();
    // A third of the letters may be wrong; beyond that it is a guess.
    let nearest = near.filter(|(distance, _)| *distance * 3 <= name.chars().count()).map(|(_, known)| known.to_owned());
    Err(UnknownScenario { name: name.to_owned(), nearest })
}

/// How many letters must be inserted, left out or replaced (Levenshtein).
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

    #[test]
    fn each_scenario_is_found_by_its_name_and_no_name_is_taken_twice() {
        let names: Vec<String> = all().iter().map(|scenario| scenario.name().to_owned()).collect();
        for name in &names {
            assert_eq!(find(name).expect("listed").name(), name);
            assert_eq!(names.iter().filter(|other| *other == name).count(), 1, "{name}");
        }
    }

    #[test]
    fn a_name_with_a_slip_is_told_apart_from_one_that_means_nothing() {
        assert_eq!(find("order_fulfilment").expect_err("a slip").nearest.as_deref(), Some("order_fulfillment"));
        assert_eq!(
            find("duel-write").expect_err("a slip").nearest.as_deref(),
            Some("order_fulfillment/dual-write"),
            "a twin's own part of its name is enough"
        );
        assert_eq!(find("zzz").expect_err("nothing").nearest, None);
    }

    #[test]
    fn distance_counts_insertions_deletions_and_replacements() {
        for (one, other, expected) in [("", "abc", 3), ("abc", "", 3), ("abc", "abc", 0), ("kitten", "sitting", 3)] {
            assert_eq!(distance(one, other), expected, "{one} to {other}");
        }
    }
}
