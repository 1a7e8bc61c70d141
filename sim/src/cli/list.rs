use comfy_table::{Table, presets};
use smol_str::SmolStr;

use super::{CliError, Exit, terminal};
use crate::{
    catalogue::{Catalogue, Entry},
    plan::counted,
};

/// The command `list`.
pub(super) fn list(catalogue: &Catalogue) -> Result<Exit, CliError> {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(["scenario", "what it is"]);
    if !terminal::is_coloured() {
        table.force_no_tty();
    }
    for scenario in catalogue.entries() {
        table.add_row([scenario.name(), &about(scenario)]);
    }
    say!("{}", table.trim_fmt());
    Ok(Exit::Held)
}

/// One sentence about a scenario: its own, or else who takes part in it.
fn about(scenario: &Entry) -> String {
    if !scenario.about().is_empty() {
        return scenario.about().to_owned();
    }
    let topology = scenario.topology();
    let mut services: Vec<(&SmolStr, u64)> = Vec::new();
    for process in &topology.processes {
        match services.iter_mut().find(|(name, _)| **name == process.service) {
            Some((_, replicas)) => *replicas += 1,
            None => services.push((&process.service, 1)),
        }
    }
    let services = services.into_iter().map(|(name, replicas)| match replicas {
        1 => name.to_string(),
        _ => format!("{name} ({})", counted(replicas, "replicas")),
    });
    let externals = topology.externals.iter().map(|external| format!("{} outside", external.name));
    services.chain(externals).collect::<Vec<_>>().join(", ")
}
