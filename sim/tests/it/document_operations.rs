//! Ranges of documents, writes under a condition and the store's clock, as a process makes them in the world: each is a
//! port call that a fault can strike, and its effects are in the trace.

use bytes::Bytes;
use seaworthy_core::{
    boot::Boot,
    ports::{Expected, IdRange, Ports, StoreError},
};
use seaworthy_sim::{
    invariants::Ending,
    plan::{CallFault, Calls, Fault, Restart, Verdict},
    trace::{Renderer, What},
    world::RunReport,
};

use crate::boot_and_outcome::{Program, ask, execute, trace};

/// One read of the clock, six writes (two of them under a condition, one of a range) and one scan of a range.
async fn tidy_up(ports: &Ports) -> Result<(), StoreError> {
    let lines = IdRange::prefix("a/");
    let mut tx = ports.store.begin().await?;
    let now = tx.now().await?;
    let mut written = vec![tx.put_if("lines", "a/0", Expected::Absent, Bytes::from_static(b"0")).await?];
    for id in ["a/1", "a/2", "b/1"] {
        tx.put("lines", id, Expected::Any, Bytes::from_static(b"1")).await?;
    }
    written.push(tx.put_if("lines", "a/0", Expected::Absent, Bytes::from_static(b"2")).await?);
    assert_eq!(written, [Some(1), None]);
    assert_eq!(tx.scan_range("lines", &lines.clone().after("a/0"), 9).await?.len(), 2);
    assert_eq!(tx.delete_range("lines", &lines, 2).await?, ["a/0", "a/1"]);
    tx.observe("at", "it", now.as_micros());
    tx.commit().await
}

/// Tries until it is done, then answers.
const TIDY: Program = |boot: Boot| {
    Box::pin(async move {
        while let Some(request) = boot.ports.ingress.next().await {
            while tidy_up(&boot.ports).await.is_err() {}
            request.response.accept(Bytes::new());
        }
    })
};

/// What the only commit did.
fn committed(report: &RunReport) -> String {
    let mut renderer = Renderer::new(&report.processes);
    let texts: Vec<String> = trace(report).iter().map(|event| renderer.text(event)).collect();
    let commits: Vec<String> = texts.into_iter().filter(|text| text.starts_with("commit")).collect();
    assert_eq!(commits.len(), 1, "{commits:?}");
    commits[0].split_once(": ").expect("effects").1.to_owned()
}

const EFFECTS: &str = "writes lines/a/0 v1 0; writes lines/a/1 v1 1; writes lines/a/2 v1 1; writes lines/b/1 v1 1; \
                       deletes lines/a/0; deletes lines/a/1; at it = ";

#[test]
fn effects_of_ranges_and_of_writes_under_a_condition_are_in_the_trace() {
    let report = execute(TIDY, ask, Vec::new());
    assert_eq!((report.ending, report.answered), (Ending::Quiet, 1));
    let effects = committed(&report);
    assert!(effects.starts_with(EFFECTS), "{effects}");
    let clock = trace(&report).iter().find_map(|event| match &event.what {
        What::Statement { on, .. } if on == "clock" => Some(event.at),
        _ => None,
    });
    let epoch = 1_704_067_200_000_000;
    let now: u64 = effects[EFFECTS.len()..].parse().expect("microseconds");
    assert_eq!(now - epoch, clock.expect("the clock was read"), "the clock of the store is the world's");
}

#[test]
fn a_fault_strikes_each_of_them_and_nothing_of_the_transaction_is_left() {
    let restart = Restart { after_ms: 10, upgrade: false };
    let (crash_before, crash_after) = (Verdict::CrashBefore(restart), Verdict::CrashAfter(restart));
    // The clock, the first and the second write under a condition, the scan and the delete.
    for (point, nth) in [(Calls::Read, 1), (Calls::Write, 1), (Calls::Write, 5), (Calls::Read, 2), (Calls::Write, 6)] {
        for verdict in [Verdict::Unavailable, Verdict::Conflict, crash_before, crash_after] {
            if !verdict.fits(point) {
                continue;
            }
            let fault = Fault::Call(CallFault { process: "scribe-1".into(), point: point.into(), nth, verdict });
            let report = execute(TIDY, ask, vec![fault]);
            assert_eq!(report.fired.len(), 1, "{verdict:?} at {point:?} {nth}");
            assert_eq!((report.ending, report.answered), (Ending::Quiet, 1));
            assert!(committed(&report).starts_with(EFFECTS), "{verdict:?} at {point:?} {nth}");
        }
    }
}
