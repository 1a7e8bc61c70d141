//! Projections, a rebuild and an integration consumer over one event store: right under everything, each consumer by itself.

mod apart;
mod held;
mod twins;
