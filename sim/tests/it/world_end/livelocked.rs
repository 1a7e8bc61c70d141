use std::{future::pending, task::Poll, time::Duration};

use bytes::Bytes;
use seaworthy_core::ports::{Expected, Ports};

use super::{Probe, execute, only};

async fn accept(ports: &Ports) {
    let request = ports.ingress.next().await.expect("nobody asks it to stop");
    request.response.accept(Bytes::new());
}

#[test]
fn what_moves_and_never_ends_is_a_livelock_that_shows_its_cycle() {
    let report = execute(&Probe::new(|boot| {
        Box::pin(async move {
            accept(&boot.ports).await;
            for job in 0_u64.. {
                boot.ports.clock.sleep(Duration::from_secs(1)).await;
                let mut tx = boot.ports.store.begin().await.expect("calm");
                let id = format!("job-{job}");
                tx.put("jobs", &id, Expected::Absent, Bytes::new()).await.expect("calm");
                tx.commit().await.expect("calm");
            }
        })
    }));
    let sentence = only(&report, "livelock");
    assert!(sentence.contains("one does over and over: begin -> put jobs -> commit (writes jobs), "), "{sentence}");
    assert!(sentence.contains("times in a row"), "{sentence}");
}

#[test]
fn a_process_that_spins_and_gives_way_ends_by_its_steps() {
    let report = execute(&Probe::new(|boot| {
        Box::pin(async move {
            accept(&boot.ports).await;
            std::future::poll_fn(|cx| {
                cx.waker().wake_by_ref();
                Poll::<()>::Pending
            })
            .await;
        })
    }));
    let sentence = only(&report, "livelock");
    assert!(sentence.contains("budget of steps: process one was polled "), "{sentence}");
}

#[test]
fn a_client_that_spins_ends_too() {
    let mut probe = Probe::new(|_| Box::pin(pending()));
    probe.drive = |_, _| {
        Box::pin(std::future::poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        }))
    };
    let sentence = only(&execute(&probe), "livelock").to_owned();
    assert!(sentence.contains("budget of steps: most of them are the client's"), "{sentence}");
}

#[test]
fn a_client_that_waits_for_ever_is_stuck_an_hour_after_the_last_change() {
    let mut sleeps = Probe::new(|_| Box::pin(pending()));
    sleeps.drive = |client, _| Box::pin(async move { client.sleep(Duration::MAX).await });
    let mut looks = sleeps;
    looks.drive = |client, _| {
        Box::pin(async move {
            let _ = client.until("store", Duration::MAX, |_| async { Ok(false) }).await;
        })
    };
    for probe in [sleeps, looks] {
        let report = execute(&probe);
        let sentence = only(&report, "stuck");
        assert!(sentence.contains("still waiting: 1 requests or tasks of the client"), "{sentence}");
        assert!(report.virtual_time < Duration::from_secs(3 * 3_600), "{:?}", report.virtual_time);
    }
}

#[test]
fn a_client_that_waits_in_vain_ends_too() {
    let mut probe = Probe::new(|_| Box::pin(pending()));
    probe.drive = |client, _| {
        Box::pin(async move {
            loop {
                client.sleep(std::time::Duration::from_millis(100)).await;
            }
        })
    };
    let sentence = only(&execute(&probe), "stuck");
    assert!(sentence.contains("1 requests or tasks of the client"), "{sentence}");
}

#[test]
fn a_service_that_polls_while_its_client_is_silent_for_ten_days_is_no_livelock() {
    let mut probe = Probe::new(|boot| {
        Box::pin(async move {
            loop {
                accept_or_poll(&boot.ports).await;
            }
        })
    });
    probe.drive = |client, times| {
        Box::pin(async move {
            client.sleep(std::time::Duration::from_hours(240)).await;
            super::ask(client, times).await;
        })
    };
    let report = execute(&probe);
    assert_eq!(report.violations, []);
    assert_eq!(report.answered, 1, "it was asked in the end");
}

/// Looks for work twice a second, and answers whoever asks.
async fn accept_or_poll(ports: &Ports) {
    let mut tx = ports.store.begin().await.expect("calm");
    tx.get("jobs", "next").await.expect("calm");
    drop(tx);
    let nap = std::pin::pin!(ports.clock.sleep(std::time::Duration::from_millis(500)));
    let asked = std::pin::pin!(accept(ports));
    futures_util::future::select(asked, nap).await;
}
