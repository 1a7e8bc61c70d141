//! Ports on tokio.
