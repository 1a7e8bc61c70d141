//! Workflows right and wrong on purpose.
