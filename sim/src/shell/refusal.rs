use seaworthy_core::ports::StoreError;
use smol_str::SmolStr;

use crate::trace::Outcome;

pub(super) fn conflict() -> StoreError {
    StoreError::Conflict(SmolStr::new_static("another transaction was first"))
}

pub(super) fn unavailable() -> StoreError {
    StoreError::Unavailable(SmolStr::new_static("the store does not answer"))
}

pub(super) fn unknown() -> StoreError {
    StoreError::Unknown(SmolStr::new_static("the connection was lost before the answer"))
}

pub(super) fn outcome_of(error: &StoreError) -> Outcome {
    match error {
        StoreError::Conflict(_) => Outcome::Conflict,
        StoreError::Unavailable(_) => Outcome::Unavailable,
        StoreError::Unknown(_) => Outcome::NotDoneUnheard,
        StoreError::Refused(_) => Outcome::Rejected,
    }
}
