//! The facade hears what the core measures, under the same names.

use std::{collections::BTreeMap, time::Duration};

use metrics::with_local_recorder;
use metrics_util::{
    MetricKind,
    debugging::{DebugValue, DebuggingRecorder, Snapshotter},
};
use seaworthy_core::metrics::{Measure, MeasureKind, Metrics};
use seaworthy_metrics::{Facade, describe};

fn heard(snapshotter: &Snapshotter) -> BTreeMap<String, String> {
    let snapshot = snapshotter.snapshot().into_vec();
    let shown = snapshot.into_iter().map(|(key, unit, help, value)| {
        let (_, key) = key.into_parts();
        let labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        let value = match value {
            DebugValue::Counter(count) => count.to_string(),
            DebugValue::Gauge(value) => value.to_string(),
            DebugValue::Histogram(values) => values.iter().map(|value| format!("{value} s")).collect(),
        };
        (format!("{}{{{}}}", key.name(), labels.join(",")), format!("{value} {unit:?} {}", help.is_some()))
    });
    shown.collect()
}

#[test]
fn counters_add_up_timers_are_seconds_and_gauges_are_what_was_said_last() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    with_local_recorder(&recorder, || {
        describe();
        Facade.add(Measure::Published, &[("topic", "orders"), ("result", "accepted")], 2);
        Facade.add(Measure::Published, &[("topic", "orders"), ("result", "accepted")], 3);
        Facade.add(Measure::Published, &[("topic", "stock"), ("result", "refused")], 1);
        Facade.took(Measure::CommitTime, &[("result", "committed")], Duration::from_millis(250));
        Facade.set(Measure::Pending, &[], 7.0);
        Facade.set(Measure::Pending, &[], 4.0);
    });
    let heard = heard(&snapshotter);
    let expected = [
        ("seaworthy_commit_seconds{result=committed}", "0.25 s Some(Seconds) true"),
        ("seaworthy_outbox_pending{}", "4 None true"),
        ("seaworthy_outbox_published_total{topic=orders,result=accepted}", "5 Some(Count) true"),
        ("seaworthy_outbox_published_total{topic=stock,result=refused}", "1 Some(Count) true"),
    ];
    let heard: Vec<_> = heard.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(heard, expected);
}

#[test]
fn every_measure_arrives_as_what_it_is() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    with_local_recorder(&recorder, || {
        for measure in Measure::ALL {
            match measure.kind() {
                MeasureKind::Counter => Facade.add(*measure, &[], 1),
                MeasureKind::Timer => Facade.took(*measure, &[], Duration::from_secs(1)),
                _ => Facade.set(*measure, &[], 1.0),
            }
        }
    });
    let snapshot = snapshotter.snapshot().into_vec();
    assert_eq!(snapshot.len(), Measure::ALL.len());
    for (key, ..) in snapshot {
        let kind = Measure::ALL.iter().find(|measure| measure.name() == key.key().name()).expect("one of ours").kind();
        let expected = match kind {
            MeasureKind::Counter => MetricKind::Counter,
            MeasureKind::Timer => MetricKind::Histogram,
            _ => MetricKind::Gauge,
        };
        assert_eq!(key.kind(), expected, "{}", key.key().name());
    }
}
