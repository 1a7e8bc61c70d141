//! Databases in memory: what a new one begins with, and how one that was used is taken back to its beginning.

mod birth;
mod contents;
mod template;

pub(crate) use birth::Birth;
pub(crate) use contents::{Contents, forget_last};
pub(crate) use template::{Origin, open};
