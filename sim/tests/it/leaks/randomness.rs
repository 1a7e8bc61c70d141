//! Dice that the plan did not throw.

use std::io::Read;

use seaworthy_sim::explore::DifferenceCause;

use super::{Leaky, caught};

#[test]
fn a_number_of_rand_is_caught() {
    let source = Leaky::new(|_| Box::pin(async { rand::random::<u64>().to_string() }));
    assert!(matches!(caught(&source).cause, DifferenceCause::Value | DifferenceCause::Address));
}

#[test]
fn a_branch_taken_by_rand_is_caught() {
    let source = Leaky::new(|ports| {
        Box::pin(async move {
            // Sixteen throws a request: two runs that agree in all are one in a billion.
            for _ in 0..16 {
                if rand::random::<bool>() {
                    ports.clock.sleep(std::time::Duration::from_millis(7)).await;
                    let _ = ports.store.begin().await;
                }
            }
            "done".to_owned()
        })
    });
    caught(&source);
}

#[test]
fn a_duration_drawn_by_rand_is_called_time() {
    let source = Leaky::new(|ports| {
        Box::pin(async move {
            ports.clock.sleep(std::time::Duration::from_micros(rand::random::<u64>() % 1_000_000)).await;
            "done".to_owned()
        })
    });
    assert_eq!(caught(&source).cause, DifferenceCause::Time);
}

#[test]
fn bytes_of_the_operating_system_are_caught() {
    let source = Leaky::new(|_| {
        Box::pin(async {
            let mut bytes = [0; 8];
            let mut file = std::fs::File::open("/dev/urandom").expect("the system has it");
            file.read_exact(&mut bytes).expect("it never ends");
            format!("{bytes:?}")
        })
    });
    caught(&source);
}

#[test]
fn a_random_uuid_is_caught_as_an_id() {
    let source =
        Leaky::new(|_| Box::pin(async { uuid::Builder::from_random_bytes(rand::random()).into_uuid().to_string() }));
    assert_eq!(caught(&source).cause, DifferenceCause::Identifier);
}

#[test]
fn a_temporary_name_is_caught() {
    let source = Leaky::new(|_| {
        Box::pin(async {
            let file = tempfile::NamedTempFile::new().expect("a file");
            file.path().display().to_string()
        })
    });
    caught(&source);
}
