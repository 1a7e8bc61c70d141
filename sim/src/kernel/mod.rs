//! Parts of a run while it goes on: the world that outlives every crash, the incarnations that live in it, the books
//! about both, and the table of faults. Nothing here starts, ends or judges a run.
//!
//! | module | what it is |
//! |---|---|
//! | [`world`], [`written`], [`death`] | stores, broker, externals, time, and the state that changes; how it is written down; how processes end |
//! | [`incarnation`], [`deciding`], [`pass`], [`pulse`], [`waits`] | an incarnation: its tasks, its death, the time that its calls take, and what can be seen of it from outside |
//! | [`task`], [`scope`] | what is being polled: a task, and the innermost piece of its work that may be dropped |
//! | [`faults`], [`strikable`], [`idle`] | which fault strikes which call, laid out before the run; which calls one more could strike, and which of them wait for something to come |
//! | [`timed`], [`lasting`], [`spoils`], [`applied`], [`spoilt`] | faults that last, and the calls that meet them; the work that they spoil, among it the effects of events, and what becomes of whoever does it |
//! | [`recorder`], [`activity`], [`beats`] | the trace taken in; what counts as a change, and what only shows that somebody is alive |
//! | [`own_tables`] | rows of declared tables, told as what they mean |
//! | [`given_up`], [`hearing`] | what processes have given up, and what they say of it |
//! | [`copies`] | copies of stores that may be put back, and what each of them knows nothing of |
//! | [`asks`], [`requests`], [`answered`], [`in_vain`], [`hangs`], [`errors`], [`spans`] | requests; calls that wait for their answer, without one, or by the plan; what calls failed with; what processes tell `tracing` |
//! | [`budget`], [`meter`], [`spent`], [`stretch`] | how much a run may use, and has used |

mod activity;
mod answered;
mod applied;
mod asks;
pub(crate) mod beats;
mod budget;
mod copies;
mod death;
mod deciding;
mod errors;
mod faults;
mod fired;
mod given_up;
mod hangs;
mod hearing;
mod idle;
mod in_vain;
mod incarnation;
mod lasting;
mod meter;
mod own_tables;
pub(crate) mod panics;
mod pass;
mod pulse;
mod recorder;
mod requests;
mod run_state;
pub(crate) mod scope;
mod spans;
mod spent;
mod spoils;
mod spoilt;
mod stretch;
mod strikable;
pub(crate) mod task;
mod timed;
mod waits;
mod world;
mod written;

pub(crate) use activity::Activity;
pub(crate) use asks::Ask;
pub use budget::Budget;
pub(crate) use copies::Copy;
pub(crate) use deciding::Deciding;
pub(crate) use faults::{Faults, Injected};
pub use fired::Fired;
pub(crate) use hangs::Hanging;
pub(crate) use hearing::{Hearing, Listening};
pub(crate) use idle::Idle;
pub(crate) use in_vain::{Hang, OpenTransaction};
pub(crate) use incarnation::{Incarnation, IncarnationTask, OnPanic};
pub use meter::Effort;
pub(crate) use meter::{Meter, Progress};
pub(crate) use own_tables::OwnTables;
pub(crate) use pass::{Pass, Takes};
pub(crate) use recorder::Recorder;
pub(crate) use requests::Requests;
pub(crate) use run_state::{Asked, Due, RunState};
pub(crate) use spans::{SpanBook, SpanLayer, process_span};
pub(crate) use spent::Spent;
pub(crate) use spoilt::Spoilt;
pub use strikable::{CallPart, Strikable};
pub(crate) use timed::Hit;
pub(crate) use waits::Waiting;
pub(crate) use world::{Parts, World};
