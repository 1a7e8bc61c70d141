//! What the operating system says.
#![allow(clippy::disallowed_methods, reason = "these are the leaks")]

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant, UNIX_EPOCH},
};

use seaworthy_sim::explore::DifferenceCause;

use super::{Leaky, caught};

#[test]
fn the_id_of_a_thread_is_caught_as_one() {
    let source = Leaky::new(|_| Box::pin(async { format!("{:?}", thread::current().id()) }));
    assert_eq!(caught(&source).cause, DifferenceCause::ThreadId);
}

#[test]
fn the_time_of_a_file_is_caught_as_the_clock_on_the_wall() {
    let source = Leaky::new(|_| {
        Box::pin(async {
            let file = tempfile::tempfile().expect("a file");
            let modified = file.metadata().and_then(|found| found.modified()).expect("it has a time");
            modified.duration_since(UNIX_EPOCH).expect("it is later").as_nanos().to_string()
        })
    });
    assert_eq!(caught(&source).cause, DifferenceCause::RealClock);
}

#[test]
fn the_clock_of_a_thread_outside_is_caught() {
    // Started before any run: within one, no thread can be.
    static NOW: AtomicU64 = AtomicU64::new(0);
    static CLOCK: LazyLock<()> = LazyLock::new(|| {
        let start = Instant::now();
        thread::spawn(move || {
            loop {
                NOW.store(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
                thread::yield_now();
            }
        });
        while NOW.load(Ordering::Relaxed) == 0 {
            thread::sleep(Duration::from_millis(1));
        }
    });
    LazyLock::force(&CLOCK);
    let source = Leaky::new(|_| Box::pin(async { NOW.load(Ordering::Relaxed).to_string() }));
    caught(&source);
}

#[test]
#[cfg(target_os = "linux")]
fn the_time_that_a_program_used_is_caught() {
    let source = Leaky::new(|_| {
        Box::pin(async { std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux has it") })
    });
    caught(&source);
}

#[test]
fn the_port_of_a_socket_is_caught() {
    let source = Leaky::new(|_| {
        Box::pin(async {
            let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
            socket.local_addr().expect("it is bound").port().to_string()
        })
    });
    caught(&source);
}
