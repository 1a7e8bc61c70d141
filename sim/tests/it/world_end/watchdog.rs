use std::{future::pending, process::Command};

use super::{Probe, execute};

/// Runs a test of this program again, with a variable that tells it to do what ends its program, and returns what it said.
fn failed(test: &str, inside: &str) -> String {
    let program = std::env::current_exe().expect("the test's own program");
    let output = Command::new(program)
        .args(["--exact", "--nocapture", test])
        .env(inside, "1")
        .env("SEAWORTHY_PATIENCE", "1")
        .output()
        .expect("it starts");
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A process that computes for ever can only be shown from outside: this test starts itself again.
#[test]
fn a_process_that_computes_for_ever_is_given_up_with_its_seed_and_its_plan() {
    const INSIDE: &str = "SEAWORTHY_TEST_COMPUTES";
    if std::env::var_os(INSIDE).is_some() {
        execute(&Probe::of(|_| {
            Box::pin(async {
                loop {
                    std::hint::spin_loop();
                }
            })
        }));
        unreachable!("it computes for ever");
    }
    let name = "world_end::watchdog::a_process_that_computes_for_ever_is_given_up_with_its_seed_and_its_plan";
    let text = failed(name, INSIDE);
    assert!(text.contains("process one computes without end"), "{text}");
    assert!(text.contains("scenario probe, seed 0x0000000000000001"), "{text}");
    let plan = text.lines().find_map(|line| line.strip_prefix("plan ")).expect("a plan file");
    let plan = std::fs::read_to_string(plan).expect("it is there");
    assert!(plan.contains("probe"), "{plan}");
}

/// Nor can a destructor that never returns, which runs when its run is over.
#[test]
fn a_destructor_that_computes_for_ever_is_given_up_too() {
    const INSIDE: &str = "SEAWORTHY_TEST_DROPS";
    struct Endless;
    impl Drop for Endless {
        fn drop(&mut self) {
            loop {
                std::hint::spin_loop();
            }
        }
    }
    if std::env::var_os(INSIDE).is_some() {
        execute(&Probe::of(|boot| {
            Box::pin(async move {
                let _endless = Endless;
                while let Some(request) = boot.ports.ingress.next().await {
                    request.response.accept(request.body);
                }
                pending::<()>().await;
            })
        }));
        unreachable!("it computes for ever");
    }
    let name = "world_end::watchdog::a_destructor_that_computes_for_ever_is_given_up_too";
    let text = failed(name, INSIDE);
    assert!(text.contains("process one computes without end"), "{text}");
}

/// So can a panic in a destructor that runs because of another panic, which aborts the program.
#[test]
fn a_panic_while_another_unwinds_says_whose_it_is_before_the_program_is_aborted() {
    const INSIDE: &str = "SEAWORTHY_TEST_PANICS_TWICE";
    struct Clumsy;
    impl Drop for Clumsy {
        fn drop(&mut self) {
            panic!("the second one");
        }
    }
    if std::env::var_os(INSIDE).is_some() {
        execute(&Probe::of(|_| {
            Box::pin(async {
                let _clumsy = Clumsy;
                assert!(std::hint::black_box(false), "the first one");
                pending::<()>().await;
            })
        }));
        unreachable!("it aborts");
    }
    let name = "world_end::watchdog::a_panic_while_another_unwinds_says_whose_it_is_before_the_program_is_aborted";
    let text = failed(name, INSIDE);
    assert!(text.contains("the second one") && text.contains("watchdog.rs"), "{text}");
    assert!(text.contains("process one: scenario probe, seed 0x0000000000000001"), "{text}");
}
