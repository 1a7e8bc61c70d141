//! A store has the parts that it says it has, whole, and no others.

use super::every_method::answers;
use crate::{
    conformance::{BrokenPromise, CheckVerdict, Outcome, StoreSubject, outcome::expect},
    ports::{Part, StoreError},
};

/// No method of a part that the store says it has answers that there is no such part.
pub async fn a_part_that_a_store_has_is_not_refused(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    for part in store.parts().iter() {
        for (method, answer) in answers(part, &*store).await? {
            let promise = format!("a store that says it has the part `{part}` has it ({method})");
            expect(&promise, answer != Err(part.refusal()), || format!("{answer:?}"))?;
        }
    }
    Ok(CheckVerdict::Held)
}

/// Every method of the other parts answers that there is no such part, whatever it is asked.
pub async fn a_part_that_a_store_has_not_is_refused(subject: &dyn StoreSubject) -> Outcome {
    let store = subject.fresh().await;
    let missing: Vec<Part> = Part::ALL.iter().copied().filter(|part| !store.parts().has(*part)).collect();
    if missing.is_empty() {
        return Ok(CheckVerdict::NotApplicable("the store has every part"));
    }
    for part in missing {
        for (method, answer) in answers(part, &*store).await? {
            refused(part, method, answer)?;
        }
    }
    Ok(CheckVerdict::Held)
}

fn refused(part: Part, method: &str, answer: Result<(), StoreError>) -> Result<(), BrokenPromise> {
    let promise = format!("a store that says it has not the part `{part}` refuses with `Part::refusal` ({method})");
    expect(&promise, answer == Err(part.refusal()), || format!("{answer:?}"))
}
