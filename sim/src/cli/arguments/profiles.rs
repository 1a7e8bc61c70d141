use std::str::FromStr;

use crate::plan::{Profile, UnknownProfile};

/// One word of `--profile`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum ProfileWord {
    /// One profile, by its name.
    One(Profile),
    /// All of them, which take turns in one campaign.
    All,
    /// All of them, in a campaign of its own each.
    Each,
}

impl FromStr for ProfileWord {
    type Err = UnknownProfile;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "all" => Self::All,
            "each" => Self::Each,
            _ => Self::One(text.parse()?),
        })
    }
}

impl ProfileWord {
    /// The profiles of each campaign that the words ask for.
    ///
    /// # Errors
    /// Where a profile stands beside `all` or `each`, which leave nothing to add.
    pub(in crate::cli) fn campaigns(words: &[Self]) -> Result<Vec<Vec<Profile>>, String> {
        let listed: Option<Vec<Profile>> = words
            .iter()
            .map(|word| match word {
                Self::One(profile) => Some(*profile),
                Self::All | Self::Each => None,
            })
            .collect();
        match (listed, words) {
            (Some(profiles), _) => Ok(vec![profiles]),
            (None, [Self::All]) => Ok(vec![Profile::ALL.to_vec()]),
            (None, [Self::Each]) => Ok(Profile::ALL.map(|profile| vec![profile]).to_vec()),
            (None, _) => Err("--profile all and --profile each stand alone: they name every profile".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn campaigns(text: &str) -> Result<Vec<Vec<Profile>>, String> {
        let words: Result<Vec<ProfileWord>, _> = text.split(',').map(str::parse).collect();
        ProfileWord::campaigns(&words.map_err(|error| error.to_string())?)
    }

    #[test]
    fn profiles_that_are_listed_or_all_share_a_campaign_and_each_has_its_own() {
        assert_eq!(campaigns("crash,outage"), Ok(vec![vec![Profile::Crash, Profile::Outage]]));
        assert_eq!(campaigns("all"), Ok(vec![Profile::ALL.to_vec()]));
        assert_eq!(campaigns("each").map(|all| all.len()), Ok(10));
        assert!(campaigns("each,crash").expect_err("each has it").contains("stand alone"));
        assert!(campaigns("chaos").is_err());
    }
}
