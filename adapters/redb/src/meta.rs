//! Facts about a file that it says itself: its format, its epoch, and the latest time of its clock.

use std::hash::{BuildHasher, Hasher, RandomState};

use seaworthy_core::ports::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    key::Key,
    tables::META,
    view::{Result, Tables, View},
};

/// Format of the tables that this program writes, and the latest that it reads: which tables there are, and what their keys are.
/// Each document has a version of its own besides.
pub(crate) const FORMAT: u32 = 1;

/// A fact about the file.
trait Fact: Serialize + DeserializeOwned {
    const NAME: &'static str;

    fn read(view: View<'_>) -> Result<Option<Self>> {
        view.document(META, &Key::of_text(Self::NAME))
    }

    fn write(&self, tables: Tables<'_>) -> Result<()> {
        tables.put_document(META, &Key::of_text(Self::NAME), self)
    }
}

#[derive(Serialize, Deserialize)]
struct Format {
    format: u32,
}

impl Fact for Format {
    const NAME: &'static str = "format";
}

/// The life of the store: a number that its messages and events carry beside their sequence.
#[derive(Serialize, Deserialize)]
struct Epoch {
    epoch: u64,
}

impl Fact for Epoch {
    const NAME: &'static str = "epoch";
}

#[derive(Serialize, Deserialize)]
struct Latest {
    latest: i64,
}

impl Fact for Latest {
    const NAME: &'static str = "clock";
}

pub(crate) fn format(view: View<'_>) -> Result<Option<u32>> {
    Ok(Format::read(view)?.map(|format| format.format))
}

pub(crate) fn write_format(tables: Tables<'_>) -> Result<()> {
    Format { format: FORMAT }.write(tables)
}

pub(crate) fn epoch(view: View<'_>) -> Result<u64> {
    Ok(Epoch::read(view)?.map_or(0, |epoch| epoch.epoch))
}

pub(crate) fn write_epoch(tables: Tables<'_>, epoch: u64) -> Result<()> {
    Epoch { epoch }.write(tables)
}

pub(crate) fn latest(view: View<'_>) -> Result<Timestamp> {
    Ok(Timestamp::from_micros(Latest::read(view)?.map_or(0, |latest| latest.latest)))
}

pub(crate) fn write_latest(tables: Tables<'_>, latest: Timestamp) -> Result<()> {
    Latest { latest: latest.as_micros() }.write(tables)
}

/// Another epoch for a file, by entropy of the process: 53 bits, so that every reader of JSON sees the same number.
pub(crate) fn draw_epoch() -> u64 {
    1 + RandomState::new().build_hasher().finish() % ((1 << 53) - 1)
}

/// The epoch of a database in memory that begins at a moment. It draws nothing, since a simulation is to be a function of its
/// plan; time runs on, so another database of the same service has another.
pub(crate) fn epoch_at(now: Timestamp) -> u64 {
    u64::try_from(now.as_micros()).unwrap_or(0).max(1)
}
