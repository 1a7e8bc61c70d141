use std::{
    env,
    hash::{BuildHasher, Hasher, RandomState},
    process::{self, Command},
    thread,
};

use crate::trace::Fingerprint;

/// Variables in which continuous integration keeps the id of the commit that it builds.
const COMMIT_VARIABLES: [&str; 9] = [
    "GITHUB_SHA",
    "CI_COMMIT_SHA",
    "BUILDKITE_COMMIT",
    "CIRCLE_SHA1",
    "BITBUCKET_COMMIT",
    "DRONE_COMMIT_SHA",
    "TRAVIS_COMMIT",
    "BUILD_SOURCEVERSION",
    "GIT_COMMIT",
];

/// The base seed of a check in CI: from the commit, so that the run can be repeated.
pub(super) fn of_ci() -> Option<u64> {
    let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    commit(variable, head).map(|commit| of_commit(&commit))
}

/// The commit that is being built, where this is continuous integration.
fn commit(variable: impl Fn(&str) -> Option<String>, head: impl FnOnce() -> Option<String>) -> Option<String> {
    if variable("CI").is_none_or(|ci| ci == "false" || ci == "0") {
        return None;
    }
    COMMIT_VARIABLES.iter().find_map(|name| variable(name)).or_else(head)
}

fn head() -> Option<String> {
    let output = Command::new("git").args(["rev-parse", "HEAD"]).output().ok()?;
    let commit = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !commit.is_empty()).then_some(commit)
}

fn of_commit(commit: &str) -> u64 {
    let mut seed = Fingerprint::new();
    seed.write(commit.as_bytes());
    seed.value()
}

/// The base seed of a check elsewhere: drawn anew, so that each run of the tests looks somewhere else. Entropy of the operating system, by way of the seed of the standard library's hash maps. That is drawn once a thread,
/// and by the simulator in a thread that has run one: so in a thread of its own.
pub(super) fn entropy() -> u64 {
    let drawn = thread::spawn(|| RandomState::new().hash_one(process::id())).join();
    drawn.expect("hashing a number does not panic")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outside_ci_the_base_seed_is_drawn_anew() {
        assert_ne!(entropy(), entropy());
        assert_eq!(commit(|_| None, || Some("abc".to_owned())), None);
        assert_eq!(commit(|name| (name == "CI").then(|| "false".to_owned()), || Some("abc".to_owned())), None);
    }

    #[test]
    fn in_ci_the_base_seed_comes_from_the_commit() {
        let github = |name: &str| match name {
            "CI" => Some("true".to_owned()),
            "GITHUB_SHA" => Some("0123abcd".to_owned()),
            _ => None,
        };
        assert_eq!(commit(github, || None).as_deref(), Some("0123abcd"));
        let plain = |name: &str| (name == "CI").then(|| "1".to_owned());
        assert_eq!(commit(plain, || Some("feed".to_owned())).as_deref(), Some("feed"), "else git is asked");
        // Fixed for good: another number would repeat another run.
        assert_eq!(of_commit("0123abcd"), of_commit("0123abcd"));
        assert_ne!(of_commit("0123abcd"), of_commit("0123abce"));
    }
}
