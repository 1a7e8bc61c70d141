//! What the README shows is what the program prints.

use super::{folder, seaworthy};

const README: &str = include_str!("../../../../README.md");

/// A line without what differs from one machine to another, and from one day to the next: CPU time, and where the program is.
fn lasting(line: &str) -> String {
    let line = line.replace(env!("CARGO_BIN_EXE_seaworthy"), "seaworthy");
    match line.strip_prefix("first failure after ") {
        Some(_) => "first failure after some time".to_owned(),
        None => line.trim_end().to_owned(),
    }
}

#[test]
fn seed_15_the_story_that_the_readme_begins_with_is_the_one_that_its_command_prints() {
    let (_, example) = README.split_once("```console\n$ seaworthy ").expect("it begins with a command");
    let (example, _) = example.split_once("\n```").expect("it ends");
    let (command, shown) = example.split_once("\n...\n").expect("tables are left out");
    let folder = folder();
    let ran = seaworthy(folder.path(), &command.split(' ').collect::<Vec<_>>());
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    let printed = ran.out.lines().skip_while(|line| !line.starts_with("violated: "));
    let printed: Vec<String> = printed.map(lasting).collect();
    let shown: Vec<String> = shown.lines().map(lasting).collect();
    assert_eq!(
        shown.join("\n"),
        printed.join("\n"),
        "the README shows another story: print it anew with\nseaworthy {command}"
    );
}
