//! What an operator of a busy service may expect of the core on adapters that are real: each test is a bad day of
//! production, on tokio with a virtual clock and on both stores, and says what must go on meanwhile.

mod error_texts;
mod inbox_panics;
mod outbox_topics;
mod settings;
mod support;
