//! Ports on tokio, and in-process stand-ins for what a small service has no server for.
//!
//! [`Process`] puts the ports together: give it a store, a broker, the services that you call and a way in, and hand its
//! [`Ports`](seaworthy_core::ports::Ports) to the same async function that the simulator runs.
//!
//! # Map
//! | item | what it is | when you need it |
//! |---|---|---|
//! | [`Process`] | ports, tasks and the graceful stop of one process | always |
//! | [`TokioClock`], [`TokioSpawner`], [`OsRandom`] | time, tasks, entropy | through [`Process`], or one by one |
//! | [`LocalBroker`] | a broker within this process | tests, services of one process; its messages die with the process |
//! | [`AcknowledgedBroker`] | the same, which accepts a message once every group has acknowledged it | systems of one process that may lose nothing |
//! | [`LocalIngress`] | a channel for requests | behind your HTTP handlers, and in tests |
//! | [`LocalExternal`] | participants as closures | around your HTTP clients, and in tests |

mod clock;
mod random;
mod spawner;

mod acknowledged;
mod broker;
mod external;
mod ingress;
mod process;

pub use acknowledged::AcknowledgedBroker;
pub use broker::LocalBroker;

pub use clock::TokioClock;
pub use external::LocalExternal;
pub use ingress::{AskError, LocalIngress};
pub use process::{Died, Parts, Process};
pub use random::OsRandom;
pub use seaworthy_memory::broker::{BrokerConfig, Unroutable};
pub use spawner::{PartEnded, TaskPanicked, TokioSpawner};
