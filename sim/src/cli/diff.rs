use std::path::Path;

use super::{CliError, Exit, arguments::DiffArguments};
use crate::{
    files,
    story::Style,
    trace::{self, TraceFile},
};

/// The command `diff`.
pub(super) fn diff(arguments: &DiffArguments, style: Style) -> Result<Exit, CliError> {
    let (left, right) = (read(&arguments.left)?, read(&arguments.right)?);
    match trace::diff(&left, &right) {
        None => {
            say!("the traces are the same: {} events", left.events.len());
            Ok(Exit::Held)
        }
        Some(divergence) => {
            say_part!("{}", divergence.side_by_side(style.width));
            Ok(Exit::Violated)
        }
    }
}

fn read(path: &Path) -> Result<TraceFile, CliError> {
    let text = files::read(path)?;
    TraceFile::parse(&text).map_err(|error| format!("{}: {error}", path.display()).into())
}
