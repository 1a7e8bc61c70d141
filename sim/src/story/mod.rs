//! Story of a violation, as a value that is printed for a terminal, as JSON and as a page.
//!
//! | module | what it is |
//! |---|---|
//! | `lineage` | which events led to which |
//! | `relevance` | which few events of the trace matter |
//! | `diagram` | events beside the lanes of those who take part |
//! | `value`, `tell` | the story, and how it is made of a plan and what its run showed |
//! | `terminal` | the story for a person in a terminal |
//! | `json` | the story for another program |
//! | `html` | the story and its run as a page for a browser |

mod lineage;
mod relevance;

mod diagram;
mod tell;
mod value;

mod html;
mod json;
mod terminal;

pub use diagram::{Again, Arrow, Diagram, Lane, LaneKind, Mark, Row};
pub use json::{STORY_FORMAT, StoryError};
pub use tell::tell;
pub use terminal::Style;
pub use value::{FaultTold, Headline, PlanTold, Pointers, RunTold, Story};
