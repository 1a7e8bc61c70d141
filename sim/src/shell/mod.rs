//! The fault shell around a process: every port call goes through its gate, which counts it, lets it take its time, says
//! what strikes it, and carries it out as it is struck. What a strike does to a call is written here, once, whichever port
//! it is of, and so is what becomes of an answer that is sent off. What is neither is struck where it is made, in `ports`: a copy of
//! what was sent, and single messages of a batch.
//!
//! A dead incarnation never gets past the gate, nor past any wait behind it: its calls don't return.

mod call;
mod disposition;
mod gate;
mod hang;
mod sent;

pub(crate) use disposition::{Disposition, heard, is_unheard, outcome_of, refusal, said};
pub(crate) use gate::{Gate, Reach};
pub(crate) use sent::Sent;
