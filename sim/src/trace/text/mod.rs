//! A trace for people: names, words and lines of its events.

mod interleave;
mod line;
mod names;
mod render;
pub(crate) mod width;
mod event_words;

pub use interleave::interleave;
pub use line::TraceLine;
pub use names::Names;
pub(crate) use names::ids_in;
pub use render::Renderer;
pub(crate) use event_words::millis;
