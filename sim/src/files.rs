//! Files that are whole or not there at all.

use std::{
    fs,
    io::{self, Write},
    path::Path,
    process,
};

/// A file that can't be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("can't {verb} {path}: {reason}")]
pub struct FileError {
    /// What was tried: `read` or `write`.
    pub verb: &'static str,
    /// With what.
    pub path: String,
    /// Why not.
    pub reason: String,
}

impl FileError {
    fn of(verb: &'static str, path: &Path, reason: impl ToString) -> Self {
        Self { verb, path: path.display().to_string(), reason: reason.to_string() }
    }
}

/// Writes `text` to a temporary file, which then takes the name. A device, a pipe or a link is written to: a file in its
/// place would do away with it.
pub(crate) fn write_whole(path: &Path, text: &str) -> Result<(), FileError> {
    let wrong = |error: io::Error| FileError::of("write", path, error);
    if fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
        return fs::write(path, text).map_err(wrong);
    }
    let temporary = path.with_extension(format!("{}.part", process::id()));
    let written = (|| -> io::Result<()> {
        let mut file = fs::File::create(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        drop(file);
        fs::rename(&temporary, path)
    })();
    written.map_err(|error| {
        // Best effort: the error that matters is the first one.
        let _ = fs::remove_file(&temporary);
        wrong(error)
    })
}

/// Says now, not after minutes of work, that a file can't be written.
pub(crate) fn check_writable(path: &Path) -> Result<(), FileError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if path.is_dir() {
        return Err(FileError::of("write", path, "it is a folder"));
    }
    if !folder.is_dir() {
        return Err(FileError::of("write", path, format!("there is no folder {}", folder.display())));
    }
    Ok(())
}

/// Reads a whole file.
#[cfg(feature = "cli")]
pub(crate) fn read(path: &Path) -> Result<String, FileError> {
    fs::read_to_string(path).map_err(|error| FileError::of("read", path, error))
}
