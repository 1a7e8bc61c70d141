//! The architecture's invariants, held by tests.
