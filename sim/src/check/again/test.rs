use std::{env, thread};

use crate::teller::quoted;

/// The arguments that leave only this test.
pub(super) fn test_filter() -> Option<String> {
    match thread_name() {
        Some(test) => Some(format!("--exact {}", quoted(&test))),
        // A single test, or one at a time, runs on the main thread: then what was asked for is asked for again.
        None => {
            let own: Vec<String> = env::args_os().skip(1).map(|word| quoted(&word.to_string_lossy())).collect();
            (!own.is_empty()).then(|| own.join(" "))
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "only the name that the test harness gave the thread is read")]
fn thread_name() -> Option<String> {
    thread::current().name().filter(|name| *name != "main").map(str::to_owned)
}
