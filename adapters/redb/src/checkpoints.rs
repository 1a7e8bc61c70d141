//! Positions up to which consumers have read.

use seaworthy_core::ports::StoreError;
use serde::{Deserialize, Serialize};
use smol_str::format_smolstr;

use crate::{
    key::Key,
    tables::CHECKPOINTS,
    view::{Result, Tables, View},
};

#[derive(Serialize, Deserialize)]
struct Checkpoint {
    position: u64,
}

pub(crate) fn read(view: View<'_>, consumer: &str) -> Result<Option<u64>> {
    let found: Option<Checkpoint> = view.document(CHECKPOINTS, &Key::of_text(consumer))?;
    Ok(found.map(|checkpoint| checkpoint.position))
}

pub(crate) fn advance(tables: Tables<'_>, consumer: &str, position: u64) -> Result<()> {
    if read(*tables, consumer)?.is_some_and(|stored| position < stored) {
        return Err(StoreError::Conflict(format_smolstr!(
            "checkpoint of {consumer} is beyond {position} already: read it again"
        )));
    }
    tables.put_document(CHECKPOINTS, &Key::of_text(consumer), &Checkpoint { position })
}
