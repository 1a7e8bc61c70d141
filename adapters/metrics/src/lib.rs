//! seaworthy's figures for the [`metrics`] facade: whichever exporter a service has installed (Prometheus, StatsD,
//! OpenTelemetry ...) shows them.
//!
//! | item | what it is |
//! |---|---|
//! | [`Facade`] | hands each figure to the recorder that is installed |
//! | [`describe`] | tells the recorder what each figure says |
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//! use seaworthy_core::{metrics::{metered, watch}, ports::Ports};
//! use seaworthy_metrics::{Facade, describe};
//!
//! async fn orders(ports: Ports) {
//!     describe(); // after the exporter was installed
//!     let ports = metered(ports, Arc::new(Facade));
//!     ports.spawn("watch", watch(ports.clone(), Arc::new(Facade), Duration::from_secs(15)));
//!     // ... relays, consumers and sagas on these ports
//! }
//! # let _ = orders;
//! ```
//!
//! Where no recorder is installed the facade drops what it is given.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use seaworthy_core::metrics::{Label, Measure, MeasureKind, Metrics};

/// Figures as those of the [`metrics`] facade: timers are histograms in seconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facade;

impl Metrics for Facade {
    fn add(&self, measure: Measure, labels: &[Label<'_>], count: u64) {
        counter!(measure.name(), owned(labels)).increment(count);
    }

    fn took(&self, measure: Measure, labels: &[Label<'_>], time: Duration) {
        histogram!(measure.name(), owned(labels)).record(time);
    }

    fn set(&self, measure: Measure, labels: &[Label<'_>], value: f64) {
        gauge!(measure.name(), owned(labels)).set(value);
    }
}

/// Tells the recorder that is installed what each figure says, and its unit. Once, after the recorder was installed.
pub fn describe() {
    for measure in Measure::ALL {
        let (name, help) = (measure.name(), measure.help());
        match measure.kind() {
            MeasureKind::Counter => describe_counter!(name, Unit::Count, help),
            MeasureKind::Timer => describe_histogram!(name, Unit::Seconds, help),
            _ => describe_gauge!(name, help),
        }
    }
}

fn owned(labels: &[Label<'_>]) -> Vec<metrics::Label> {
    labels.iter().map(|&(name, value)| metrics::Label::new(name, value.to_owned())).collect()
}
