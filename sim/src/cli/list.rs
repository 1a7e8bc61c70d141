use comfy_table::{Table, presets};

use super::{CliError, Exit, terminal};
use crate::catalogue::Catalogue;

/// The command `list`.
pub(super) fn list(catalogue: &Catalogue) -> Result<Exit, CliError> {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(["scenario", "what it is"]);
    if !terminal::is_coloured() {
        table.force_no_tty();
    }
    for scenario in catalogue.entries() {
        table.add_row([scenario.name(), scenario.about()]);
    }
    say!("{}", table.trim_fmt());
    Ok(Exit::Held)
}
