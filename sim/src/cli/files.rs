//! Files that are whole or not there at all.

use std::{
    fs,
    io::{self, Write},
    path::Path,
    process,
};

use super::Failure;

/// Writes `text` to a temporary file, which then takes the name. A device, a pipe or a link is written to: a file in its
/// place would do away with it.
pub(super) fn write_whole(path: &Path, text: &str) -> Result<(), Failure> {
    if fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
        return fs::write(path, text).map_err(|error| format!("can't write {}: {error}", path.display()).into());
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
        format!("can't write {}: {error}", path.display()).into()
    })
}

/// Says now, not after minutes of work, that a file can't be written.
pub(super) fn check_writable(path: &Path) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if path.is_dir() {
        return Err(format!("can't write {}: it is a folder", path.display()).into());
    }
    if !folder.is_dir() {
        return Err(format!("can't write {}: there is no folder {}", path.display(), folder.display()).into());
    }
    Ok(())
}

/// Reads a whole file.
pub(super) fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| format!("can't read {}: {error}", path.display()).into())
}
