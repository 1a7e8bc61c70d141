//! Figures for whoever watches a service: how much passes, how long it takes, what fails and what waits.
//!
//! | item | what it is | when you need it |
//! |---|---|---|
//! | [`Metrics`] | the port to whatever keeps figures | to connect a library that has no adapter yet |
//! | [`Measure`] | what is measured, by which name, with which labels | to know what there is |
//! | [`metered`] | the ports of a process, measured | always, at boot |
//! | [`watch`] | reads what waits in the store now and then | once for each store |
//!
//! Nothing in the core knows of figures: they are read from the calls that pass its [ports](crate::ports), by an
//! [interceptor](crate::ports::Intercept) like the one for [spans](crate::ports::PortSpans). A process that is not measured
//! pays nothing, and code of your own behind the same ports is measured with it.
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//! use seaworthy_core::{metrics::{Metrics, metered, watch}, outbox::Relay, ports::Ports};
//!
//! async fn orders(ports: Ports, metrics: Arc<dyn Metrics>) {
//!     let ports = metered(ports, metrics.clone());
//!     ports.spawn("watch", watch(ports.clone(), metrics, Duration::from_secs(15)));
//!     Relay::new(&ports).run().await;
//! }
//! ```

mod measure;
mod metered;
mod tally;
mod watch;

use std::time::Duration;

pub use measure::{Measure, MeasureKind};
pub use metered::metered;
pub use watch::watch;

/// A label of a figure: its name, which is the [measure's](Measure::labels), and its value.
pub type Label<'a> = (&'static str, &'a str);

/// Port to whatever keeps figures. The adapter `seaworthy-metrics` hands them to the `metrics` facade; others are a few lines.
///
/// It is called where a port call ends, on the task that made it: it must not wait.
///
/// ```
/// use std::{sync::Mutex, time::Duration};
/// use seaworthy_core::metrics::{Label, Measure, Metrics};
///
/// /// Counts dead letters, and nothing else.
/// #[derive(Default)]
/// struct Buried(Mutex<u64>);
///
/// impl Metrics for Buried {
///     fn add(&self, measure: Measure, _: &[Label<'_>], count: u64) {
///         if measure == Measure::Buried {
///             *self.0.lock().unwrap() += count;
///         }
///     }
///     fn took(&self, _: Measure, _: &[Label<'_>], _: Duration) {}
///     fn set(&self, _: Measure, _: &[Label<'_>], _: f64) {}
/// }
/// ```
pub trait Metrics: Send + Sync {
    /// Adds to a [counter](MeasureKind::Counter).
    fn add(&self, measure: Measure, labels: &[Label<'_>], count: u64);

    /// Notes how long something took, under a [timer](MeasureKind::Timer).
    fn took(&self, measure: Measure, labels: &[Label<'_>], time: Duration);

    /// Sets a [gauge](MeasureKind::Gauge).
    fn set(&self, measure: Measure, labels: &[Label<'_>], value: f64);
}
