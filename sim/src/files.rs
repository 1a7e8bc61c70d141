//! Files that are whole or not there at all.

use std::{
    env, fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
};

/// A file that can't be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("can't {verb} {path}: {reason}")]
pub struct FileError {
    /// Operation that was tried: `read` or `write`.
    pub verb: &'static str,
    /// Path of the file.
    pub path: String,
    /// Reason for the failure.
    pub reason: String,
}

impl FileError {
    fn new(verb: &'static str, path: &Path, reason: impl ToString) -> Self {
        Self { verb, path: path.display().to_string(), reason: reason.to_string() }
    }
}

/// Writes `text` as [`replace`] does.
pub(crate) fn write_whole(path: &Path, text: &str) -> Result<(), FileError> {
    replace(path, text).map_err(|error| FileError::new("write", path, error))
}

/// Writes `text` to a temporary file, which then takes the name, so that a crash leaves the old file or the new one and
/// never a part of it. A device, a pipe or a link is written to: a file in its place would do away with it.
pub(crate) fn replace(path: &Path, text: &str) -> io::Result<()> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    if fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
        return fs::write(path, text);
    }
    // Unlike any other writer's name, in this process or another; it does not end in .json, so no corpus reads it.
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let temporary = path.with_extension(format!("{}-{number}.part", process::id()));
    let written = (|| {
        let mut file = fs::File::create(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        drop(file);
        fs::rename(&temporary, path)
    })();
    // Best effort: the error that matters is the first one.
    written.inspect_err(|_| _ = fs::remove_file(&temporary))
}

/// The folder that builds write to, for what a program leaves behind and the next build may clear away.
pub(crate) fn target() -> PathBuf {
    let program = env::current_exe().unwrap_or_default();
    let marked = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
    marked.unwrap_or(Path::new("target")).to_owned()
}

/// Says now, not after minutes of work, that a file can't be written.
pub(crate) fn check_writable(path: &Path) -> Result<(), FileError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if path.is_dir() {
        return Err(FileError::new("write", path, "it is a folder"));
    }
    if !folder.is_dir() {
        return Err(FileError::new("write", path, format!("there is no folder {}", folder.display())));
    }
    Ok(())
}

/// Reads a whole file.
#[cfg(feature = "cli")]
pub(crate) fn read(path: &Path) -> Result<String, FileError> {
    fs::read_to_string(path).map_err(|error| FileError::new("read", path, error))
}
