//! A trace for people: names, words and lines of its events.

mod event_words;
mod interleave;
mod line;
mod names;
mod render;
pub(crate) mod width;

pub(crate) use event_words::millis;
pub use interleave::interleave;
pub use line::TraceLine;
pub use names::Names;
pub(crate) use names::ids_in;
pub use render::Renderer;
