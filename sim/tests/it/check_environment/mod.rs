//! What the environment makes of a check: the program's work, without the program.

mod failures;
mod runs;

use std::{
    env,
    path::Path,
    process::{Command, Output},
};

use seaworthy_sim::check;

use crate::deposits::WRONG;

/// Set in a process of its own only: the folder of the corpus.
const CORPUS: &str = "SEAWORTHY_TEST_CORPUS";
const NAME: &str = "check_environment::the_check_of_somebody";

/// A check, in a process that a test below starts. It fails, because the teller books twice.
#[test]
fn the_check_of_somebody() {
    let Ok(corpus) = env::var(CORPUS) else { return };
    // One worker: of two, each ends the run that it is at when the first one fails, and that may fail, too.
    check(WRONG).seeds(400).strict(false).jobs(1).corpus(corpus).assert_seaworthy();
}

struct Ran {
    passed: bool,
    /// Standard output and standard error.
    said: String,
}

/// Runs that check in a folder.
fn checked(folder: &Path, variables: &[(&str, &str)]) -> Ran {
    let Output { status, stdout, stderr } = Command::new(env::current_exe().expect("this program has a path"))
        .args(["--exact", NAME, "--nocapture"])
        .env(CORPUS, folder.join("corpus"))
        .env_remove("CI")
        .envs(variables.iter().copied())
        .current_dir(folder)
        .output()
        .expect("this program starts");
    let text = |bytes| String::from_utf8(bytes).expect("a check prints UTF-8");
    Ran { passed: status.success(), said: text(stdout) + &text(stderr) }
}

/// What stands behind a word at the beginning of a line.
fn behind<'a>(said: &'a str, word: &str) -> &'a str {
    said.lines().find_map(|line| line.strip_prefix(word)).unwrap_or_else(|| panic!("no {word:?} in {said}")).trim()
}
