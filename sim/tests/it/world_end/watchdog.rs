use std::{future::pending, process::Command};

use seaworthy_sim::{explore::Rehearsal, world::RunOptions};

use super::{Probe, execute, plan};

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

fn compute() {
    loop {
        std::hint::spin_loop();
    }
}

/// A process that computes for ever can only be shown from outside: this test starts itself again.
#[test]
fn a_process_that_computes_for_ever_is_given_up_with_its_seed_and_its_plan() {
    const INSIDE: &str = "SEAWORTHY_TEST_COMPUTES";
    if std::env::var_os(INSIDE).is_some() {
        execute(&Probe::new(|_| Box::pin(async { compute() })));
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
            compute();
        }
    }
    if std::env::var_os(INSIDE).is_some() {
        execute(&Probe::new(|boot| {
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

/// What the scenario itself does in a run is looked after as well.
#[test]
fn a_scenario_whose_preparation_or_look_for_what_is_pending_never_returns_is_given_up_too() {
    const INSIDE: [&str; 2] = ["SEAWORTHY_TEST_PREPARES", "SEAWORTHY_TEST_LOOKS"];
    let [prepares, looks] = INSIDE.map(|inside| std::env::var_os(inside).is_some());
    if prepares || looks {
        let mut probe = Probe::new(|boot| {
            Box::pin(async move {
                while let Some(request) = boot.ports.ingress.next().await {
                    request.response.accept(request.body);
                }
            })
        });
        *(if prepares { &mut probe.prepare } else { &mut probe.pending }) = compute;
        execute(&probe);
        unreachable!("it computes for ever");
    }
    let name =
        "world_end::watchdog::a_scenario_whose_preparation_or_look_for_what_is_pending_never_returns_is_given_up_too";
    for inside in INSIDE {
        let text = failed(name, inside);
        assert!(text.contains("the scenario's own code (its preparation, `pending` or an invariant)"), "{text}");
        assert!(text.contains("scenario probe, seed 0x0000000000000001"), "{text}");
    }
}

/// Nobody has asked for the seed of a rehearsal, so it is told what it is.
#[test]
fn a_rehearsal_that_never_ends_says_that_it_is_one() {
    const INSIDE: &str = "SEAWORTHY_TEST_REHEARSES";
    if std::env::var_os(INSIDE).is_some() {
        let probe = Probe::new(|_| Box::pin(async { compute() }));
        let _ = Rehearsal::new(&probe, RunOptions::default()).run(&plan());
        unreachable!("it computes for ever");
    }
    let text = failed("world_end::watchdog::a_rehearsal_that_never_ends_says_that_it_is_one", INSIDE);
    assert!(text.contains(", in a rehearsal: a run without faults, before those of your seeds"), "{text}");
    assert!(!text.contains("seed 0x0000000000000001"), "{text}");
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
        execute(&Probe::new(|_| {
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
