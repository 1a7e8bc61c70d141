use comfy_table::{Table, presets};
use seaworthy_scenarios::catalog;
use seaworthy_sim::scenario::Scenario;

use super::{Exit, Failure, terminal};

/// `seaworthy list`.
pub(super) fn list() -> Result<Exit, Failure> {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(["scenario", "what it is"]);
    if !terminal::is_coloured() {
        table.force_no_tty();
    }
    for scenario in catalog::all() {
        table.add_row([scenario.name(), scenario.about()]);
    }
    say!("{}", table.trim_fmt());
    Ok(Exit::Held)
}
