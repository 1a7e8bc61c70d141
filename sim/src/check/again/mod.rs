//! Command lines that run one test again and nothing else.

mod target;
mod test;

use std::env;

use crate::{
    check::settings::{FROM, PLAN, PROFILE, SEED},
    teller::{Again, quoted},
};
use target::Target;
use test::test_filter;

/// The line to paste that runs this test again with that plan or seed: with the package, the test program and the
/// profile that it was built with, where cargo runs it; otherwise by its own path.
pub(super) fn replay_line(again: Again<'_>) -> String {
    let mut words = match again {
        Again::Plan(file) => vec![format!("{PLAN}={}", quoted(&file.display().to_string()))],
        Again::From { number, .. } => vec![format!("{FROM}={number:#018x}")],
        Again::Seed(seed, profile) => vec![format!("{SEED}={seed:#018x}"), format!("{PROFILE}={profile}")],
    };
    let program = env::current_exe().unwrap_or_default();
    let package = env::var("CARGO_PKG_NAME").ok();
    let folder = env::var_os("CARGO_MANIFEST_DIR");
    match (package, folder) {
        (Some(package), Some(folder)) => {
            words.push(format!("cargo test -p {package}"));
            words.extend(Target::from_program(&program, &package, folder.as_ref()).arguments());
            words.extend(test_filter().map(|filter| format!("-- {filter}")));
        }
        _ => {
            words.push(quoted(&program.display().to_string()));
            words.extend(test_filter());
        }
    }
    words.join(" ")
}
