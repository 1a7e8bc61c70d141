//! The program as a process: what it prints, how it exits, what it leaves behind.

mod campaigns;
mod interruption;
mod plans;
mod readme;
mod replays;
mod silent_client;
mod wrong_use;

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use tempfile::TempDir;

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

/// Runs the program in a folder of its own.
fn seaworthy(folder: &Path, arguments: &[&str]) -> Ran {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_seaworthy"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("COLUMNS")
        .output()
        .expect("the program was built for this test");
    let text = |bytes| String::from_utf8(bytes).expect("the program prints UTF-8");
    Ran { code: status.code(), out: text(stdout), err: text(stderr) }
}

fn folder() -> TempDir {
    TempDir::new().expect("a temporary folder")
}

/// Names of all files and folders in a folder.
fn entries(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder exists");
    entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect()
}

/// The first line of a file of orders.
const HEADER: &str = "date,customer,quantity,amount_usd\n";
