//! Checks that a loop makes before it begins: what it can't work by ends it at once, and its process hears of it.

use std::fmt;

use smol_str::{SmolStr, format_smolstr};
use tracing::error;

use crate::{
    ports::{Part, Spawner, Store},
    settings::InvalidSetting,
};

/// Returns `true` if a part of a process can work by its settings and its store has what it needs. Otherwise says so in the
/// log and to the process, if it is one of a process: waiting would not help.
pub(crate) fn can_run(
    part: fmt::Arguments<'_>,
    process: Option<&dyn Spawner>,
    settings: Result<(), InvalidSetting>,
    store: &dyn Store,
    needed: &[Part],
) -> bool {
    let Err(why) = fits(settings, store, needed) else { return true };
    error!(%part, %why, "a part of the process ends at once: what it was for is not done");
    if let Some(process) = process {
        process.part_ended(&part.to_string(), &why);
    }
    false
}

fn fits(settings: Result<(), InvalidSetting>, store: &dyn Store, needed: &[Part]) -> Result<(), SmolStr> {
    settings.map_err(|error| format_smolstr!("its settings can't work: {error}"))?;
    store.parts().require(needed).map_err(|error| format_smolstr!("its store lacks what it needs: {error}"))
}
