use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
    process,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use super::Source;
use crate::{plan::Profile, world::before_the_end};

/// No seed and no number looks like this one by chance, so wherever it stands is a place for one.
const STAND_IN: u64 = 0x5ea5_eed5_5ea5_eed5;

/// So long is each note at least: a shorter one leaves nothing of a longer one behind it.
const WIDTH: usize = 512;

/// Notes which runs are under way, in files that outlive the program.
///
/// Code under test may abort the program: by [`std::process::abort`], by a stack that overflows, in a library of another
/// language. Nothing is told then and nobody can be asked, so each worker of a sweep writes down beforehand which run it
/// is at, in a file of its own, and removes that at its end. A file that nobody removed names a run that did not end, and
/// the line that replays it. It is locked for as long as its program lives, whatever that dies of: so the next program
/// knows which of them speak of the dead.
///
/// A note costs one write of some hundred bytes, about a microsecond.
#[derive(Clone, Debug)]
pub struct Breadcrumbs {
    folder: PathBuf,
    notes: Vec<Note>,
}

/// The note of the runs of one profile, with a seed to be filled in.
#[derive(Clone, Debug)]
struct Note {
    profile: Option<Profile>,
    text: Vec<u8>,
    /// Positions of the seed in it.
    seeds: Vec<usize>,
}

/// One worker's note. It is removed when it is dropped.
#[derive(Debug)]
pub(crate) struct Crumb {
    file: File,
    path: PathBuf,
    notes: Vec<Note>,
    seed: String,
}

/// A seed as notes and replay lines write it: all are of one length.
fn digits(seed: u64) -> String {
    format!("{seed:#018x}")
}

impl Breadcrumbs {
    /// Notes in this folder, which need not exist, on a sweep of a scenario over these profiles. `replay` says how one of
    /// its seeds is run again.
    pub fn new(
        folder: impl Into<PathBuf>,
        scenario: &str,
        profiles: &[Profile],
        replay: impl Fn(u64, Profile) -> String,
    ) -> Self {
        before_the_end(forget);
        let notes = profiles.iter().map(|profile| {
            let source = Source::Seed { seed: STAND_IN, profile: *profile };
            let text = format!("{scenario}, {source}\nreplay: {}", replay(STAND_IN, *profile));
            Note::new(Some(*profile), &text, &digits(STAND_IN))
        });
        Self { folder: folder.into(), notes: notes.collect() }
    }

    /// Notes in this folder on an exhaustive search. `go_on` says how it goes on from a plan, which it names by its
    /// number.
    pub fn for_exhaust(folder: impl Into<PathBuf>, scenario: &str, go_on: impl Fn(u64) -> String) -> Self {
        before_the_end(forget);
        let number = digits(STAND_IN);
        let text = format!("{scenario}, plan {number} of all\ngo on: {}", go_on(STAND_IN));
        Self { folder: folder.into(), notes: vec![Note::new(None, &text, &number)] }
    }

    /// The notes that programs left which did not come to their end, each with its replay line; and removes them. Those
    /// of programs that still run are left alone, and so is a folder that can't be read.
    pub fn left(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
        paths.sort_unstable();
        let left = paths.iter().filter_map(|path| {
            let file = File::open(path).ok()?;
            file.try_lock().ok()?;
            let text = fs::read_to_string(path).ok()?;
            let _ = fs::remove_file(path);
            Some(text.trim_end().to_owned()).filter(|text| !text.is_empty())
        });
        let left: Vec<String> = left.collect();
        let _ = fs::remove_dir(folder);
        left
    }

    /// Describes notes that were left; `None` if there are none.
    pub(crate) fn words(left: &[String]) -> Option<String> {
        let (which, runs) = match left.len() {
            0 => return None,
            1 => ("this run was", "run"),
            _ => ("these runs were", "runs"),
        };
        let mut text = format!("a program before this one was aborted or killed while {which} under way:\n");
        for note in left {
            let _ = writeln!(text, "{note}");
        }
        if left.len() > 1 {
            let _ = writeln!(text, "one of these {runs} may be why");
        }
        Some(text)
    }

    /// A worker's own note; `None` where none can be written, which is no reason not to run.
    pub(crate) fn crumb(&self) -> Option<Crumb> {
        Crumb::open(&self.folder, self.notes.clone()).ok()
    }

    /// A note on something that is not a seed of the sweep.
    pub(crate) fn note(&self, text: &str) -> Option<Crumb> {
        let mut crumb = Crumb::open(&self.folder, vec![Note::new(None, text, "")]).ok()?;
        crumb.write(0, None);
        Some(crumb)
    }
}

impl Note {
    fn new(profile: Option<Profile>, text: &str, stand_in: &str) -> Self {
        let seeds = if stand_in.is_empty() { Vec::new() } else { text.match_indices(stand_in).collect() };
        let seeds = seeds.into_iter().map(|(at, _): (usize, &str)| at).collect();
        let mut text = text.as_bytes().to_vec();
        text.resize(text.len().max(WIDTH), b'\n');
        Self { profile, text, seeds }
    }
}

impl Crumb {
    fn open(folder: &Path, notes: Vec<Note>) -> io::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        fs::create_dir_all(folder)?;
        let path = folder.join(format!("{}-{}.txt", process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(&path)?;
        if let Err(error) = file.try_lock() {
            // Without a lock nobody could tell the living from the dead.
            let _ = fs::remove_file(&path);
            return Err(io::Error::other(error));
        }
        mine().insert(path.clone());
        // All are as long as the longest, for the same reason as their width.
        let longest = notes.iter().map(|note| note.text.len()).max().unwrap_or(WIDTH);
        let mut notes = notes;
        notes.iter_mut().for_each(|note| note.text.resize(longest, b'\n'));
        Ok(Self { file, path, notes, seed: String::with_capacity(18) })
    }

    /// A run begins: this one.
    pub(crate) fn mark(&mut self, source: &Source) {
        match source {
            Source::Seed { seed, profile } => self.write(*seed, Some(*profile)),
            Source::Exhaust { number, .. } => self.write(*number, None),
            Source::File(_) => {}
        }
    }

    fn write(&mut self, seed: u64, profile: Option<Profile>) {
        let Some(note) = self.notes.iter_mut().find(|note| note.profile == profile) else { return };
        self.seed.clear();
        let _ = write!(self.seed, "{seed:#018x}");
        for at in &note.seeds {
            note.text[*at..*at + self.seed.len()].copy_from_slice(self.seed.as_bytes());
        }
        // What can't be noted is run all the same.
        let _ = overwrite(&self.file, &note.text);
    }
}

impl Drop for Crumb {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
        mine().remove(&self.path);
        // Only the last one finds it empty.
        let _ = self.path.parent().map(fs::remove_dir);
    }
}

/// The files of this program.
fn mine() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    static MINE: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    MINE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes all notes of this program, which is about to end and has said why.
fn forget() {
    for path in &*mine() {
        let _ = fs::remove_file(path);
    }
}

#[cfg(unix)]
fn overwrite(file: &File, text: &[u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, text, 0)
}

#[cfg(not(unix))]
fn overwrite(mut file: &File, text: &[u8]) -> io::Result<()> {
    use std::io::{Seek, Write};
    file.rewind()?;
    file.write_all(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_names_the_run_that_is_under_way_and_is_gone_when_it_is_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path().join("under-way");
        let profiles = [Profile::Crash, Profile::Everything];
        let crumbs =
            Breadcrumbs::new(&folder, "orders", &profiles, |seed, profile| format!("again {seed:#018x} {profile}"));
        let mut crumb = crumbs.crumb().expect("writable");
        let path = crumb.path.clone();
        crumb.mark(&Source::Seed { seed: 7, profile: Profile::Everything });
        let longer = fs::read_to_string(&path).expect("it is there");
        assert!(longer.starts_with("orders, seed 0x0000000000000007, profile everything\n"), "{longer}");
        crumb.mark(&Source::Seed { seed: 8, profile: Profile::Crash });
        let shorter = fs::read_to_string(&path).expect("it is there");
        assert!(shorter.trim_end().ends_with("replay: again 0x0000000000000008 crash"), "{shorter}");
        // As long as its program lives, nobody takes it for a dead one's.
        assert!(Breadcrumbs::left(&folder).is_empty());
        drop(crumb);
        assert!(!folder.exists());
    }

    #[test]
    fn what_a_dead_program_left_is_told_once() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("1-0.txt"), "orders, seed 1\nreplay: again 1\n\n\n").expect("writable");
        fs::write(folder.path().join("1-1.txt"), "").expect("writable");
        let left = Breadcrumbs::left(folder.path());
        assert_eq!(left, ["orders, seed 1\nreplay: again 1"]);
        let words = Breadcrumbs::words(&left).expect("there is one");
        assert!(words.contains("this run was under way:\norders, seed 1\nreplay: again 1\n"), "{words}");
        assert_eq!(Breadcrumbs::words(&Breadcrumbs::left(folder.path())), None);
    }
}
