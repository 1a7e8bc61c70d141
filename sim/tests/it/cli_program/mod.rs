//! The whole program over scenarios of somebody else's, whose workloads are of different types.

mod campaigns;
mod exhausts;
mod greetings;
mod left_out;
mod replays;

use std::{
    env,
    path::Path,
    process::{Command, Output, exit},
};

use seaworthy_sim::{catalogue::Entry, cli::Program};
use tempfile::TempDir;

use crate::deposits::WRONG;
use greetings::Greetings;

/// Where the arguments of the program stand, one a line. Set in a process of its own only.
const ARGUMENTS: &str = "SEAWORTHY_TEST_ARGUMENTS";

/// The `main` of somebody's program, in a process that a test below starts: this test program is that program, too, which
/// saves building another.
#[test]
fn the_program_of_somebody_else() {
    let Ok(arguments) = env::var(ARGUMENTS) else { return };
    let program = Program::new().scenarios([Entry::new(Greetings), WRONG.into()]);
    exit(i32::from(program.run(["theirs"].into_iter().chain(arguments.lines())).code()));
}

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

/// Runs that program in a folder.
fn theirs(folder: &Path, arguments: &[&str]) -> Ran {
    let Output { status, stdout, stderr } = Command::new(env::current_exe().expect("this program has a path"))
        .args(["--exact", "cli_program::the_program_of_somebody_else", "--nocapture"])
        .env(ARGUMENTS, arguments.join("\n"))
        .current_dir(folder)
        .output()
        .expect("this program starts");
    let text = |bytes| String::from_utf8(bytes).expect("the program prints UTF-8");
    let out = text(stdout);
    // The test harness begins with a line of its own.
    let own = out.split_once("running 1 test\n").map(|(_, own)| own.to_owned());
    Ran { code: status.code(), out: own.unwrap_or(out), err: text(stderr) }
}

fn folder() -> TempDir {
    TempDir::new().expect("a temporary folder")
}

/// The arguments behind `replay` in the line to paste.
fn pasted(out: &str) -> Vec<String> {
    let line = out.lines().find_map(|line| line.strip_prefix("replay ")).expect("a line to paste");
    let words = line.split_once(" replay ").expect("a program and its command").1;
    ["replay"].into_iter().chain(words.split(' ')).map(str::to_owned).collect()
}
