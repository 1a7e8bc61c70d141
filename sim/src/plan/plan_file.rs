use std::{fs, io, path::Path};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use serde_path_to_error::Track;
use smol_str::SmolStr;

use super::{FORMAT, Fault, Plan, PlanError, Schedule};
use crate::files;

/// The formats that came before, which counted calls by kind. In the first a seed is a number, and there is no digest.
const OLDER: [&str; 2] = ["seaworthy/plan@1", "seaworthy/plan@2"];

/// Head of a plan file, read first, so that a newer format is named as such before its fields are looked at.
#[derive(Deserialize)]
struct Head {
    format: String,
    scenario: Option<String>,
}

/// The scenario that a plan file names, once its format is known to be readable.
///
/// # Errors
/// [`PlanError::Malformed`] if it is no JSON with a scenario's name, and [`PlanError::Format`] if its format is none that this version
/// reads.
pub fn scenario_of(text: &str) -> Result<String, PlanError> {
    let head: Head =
        serde_json::from_str(without_mark(text)).map_err(|error| PlanError::Malformed(error.to_string()))?;
    if head.format != FORMAT && !OLDER.contains(&head.format.as_str()) {
        return Err(PlanError::Format { found: head.format });
    }
    head.scenario.ok_or_else(|| PlanError::Malformed("missing field `scenario`".to_owned()))
}

/// The text without the mark of its byte order, which some editors put before it.
fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// A plan as it lies in a file: with the store that it was found on, and a digest that shows whether it was changed.
///
/// ```
/// # use seaworthy_sim::plan::{FORMAT, Integrity, Plan, PlanFile, Schedule};
/// let plan = Plan {
///     format: FORMAT.into(),
///     scenario: "orders".into(),
///     seed: u64::MAX,
///     schedule: Schedule::default(),
///     workload: vec!["order-1".to_owned()],
///     faults: Vec::new(),
/// };
/// let text = PlanFile::new(plan).print();
/// assert!(text.contains(r#""seed": "0xffffffffffffffff""#));
/// let read = |text: &str| PlanFile::<Vec<String>>::parse(text).expect("a plan").integrity;
/// assert_eq!(read(&text), Integrity::Intact);
/// assert_eq!(read(&text.replace("order-1", "order-2")), Integrity::Edited);
/// let digest = text.find(",\n  \"digest\"").expect("the last field");
/// assert_eq!(read(&format!("{}}}", &text[..digest])), Integrity::Unknown);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct PlanFile<W> {
    /// Plan that the file holds.
    pub plan: Plan<W>,
    /// The store that it was found on, by the name that the program knows; `None` for the simulated one.
    pub store: Option<SmolStr>,
    /// Integrity of the plan: as it was written, or edited.
    pub integrity: Integrity,
}

/// Integrity of a plan file, since this program wrote it. An edited plan runs as well; what it shows is another run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Integrity {
    /// The digest fits.
    Intact,
    /// The digest does not fit: a person or a tool changed the plan.
    Edited,
    /// There is no digest: an older version wrote it, or a person did.
    Unknown,
}

impl Integrity {
    /// Describes what that means for a run of the plan; `None` where there is nothing to say.
    pub fn words(self) -> Option<&'static str> {
        match self {
            Self::Intact => None,
            Self::Edited => Some("edited: the plan was changed since it was written, so this is another run"),
            Self::Unknown => Some("no digest: it can't be told whether the plan was edited since it was written"),
        }
    }
}

/// The fields of a file in the order in which they are written.
#[derive(Serialize)]
struct Printed<'a, W> {
    #[serde(flatten)]
    plan: &'a Plan<W>,
    #[serde(skip_serializing_if = "Option::is_none")]
    store: &'a Option<SmolStr>,
    #[serde(with = "crate::hexadecimal")]
    digest: u64,
}

/// The same as they are read. Not the plan flattened: an unknown field would have no name then.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields<W> {
    format: SmolStr,
    scenario: SmolStr,
    #[serde(with = "crate::hexadecimal")]
    seed: u64,
    #[serde(default)]
    schedule: Schedule,
    workload: W,
    faults: Vec<Fault>,
    #[serde(default)]
    store: Option<SmolStr>,
    #[serde(default, with = "crate::hexadecimal::optional")]
    digest: Option<u64>,
}

impl<W> PlanFile<W> {
    /// A plan that was found on the simulated store.
    pub fn new(plan: Plan<W>) -> Self {
        Self { plan, store: None, integrity: Integrity::Intact }
    }

    /// Reads a file's text. The fit of its plan to a scenario is checked by [`Plan::validate`].
    ///
    /// # Errors
    /// [`PlanError::Malformed`], [`PlanError::Format`] and [`PlanError::UnknownField`]: what would be read over is
    /// refused, in the workload, too.
    pub fn parse(text: &str) -> Result<Self, PlanError>
    where
        W: DeserializeOwned + Serialize,
    {
        scenario_of(text)?;
        let malformed = |error: serde_json::Error| PlanError::Malformed(error.to_string());
        let mut json = serde_json::Deserializer::from_str(without_mark(text));
        let (mut unknown, mut track) = (None, Track::new());
        let mut note = |path: serde_ignored::Path<'_>| {
            unknown.get_or_insert_with(|| path.to_string());
        };
        let ignoring = serde_ignored::Deserializer::new(&mut json, &mut note);
        let fields = Fields::<W>::deserialize(serde_path_to_error::Deserializer::new(ignoring, &mut track));
        let fields = fields.map_err(|error| PlanError::Malformed(place(&track.path().to_string(), &error)))?;
        json.end().map_err(malformed)?;
        if let Some(field) = unknown {
            return Err(PlanError::UnknownField { field });
        }
        let Fields { format, scenario, seed, schedule, workload, mut faults, store, digest } = fields;
        let is_older = format != FORMAT;
        for fault in faults.iter_mut().filter(|_| is_older) {
            if let Fault::Call(call) = fault {
                call.point = call.point.formerly();
            }
        }
        let plan = Plan { format: SmolStr::new_static(FORMAT), scenario, seed, schedule, workload, faults };
        let integrity = match digest {
            None => Integrity::Unknown,
            Some(digest) if digest == if is_older { plan.former_digest() } else { plan.digest() } => Integrity::Intact,
            Some(_) => Integrity::Edited,
        };
        Ok(Self { plan, store, integrity })
    }

    /// Prints the file as it is committed: indented JSON with a final newline. Its digest is that of the plan as it is.
    pub fn print(&self) -> String
    where
        W: Serialize,
    {
        let printed = Printed { plan: &self.plan, store: &self.store, digest: self.plan.digest() };
        let mut text = serde_json::to_string_pretty(&printed).expect("a plan holds only plain data");
        text.push('\n');
        text
    }

    /// The file on one line, to stand in another file.
    pub(crate) fn to_raw(&self) -> Box<RawValue>
    where
        W: Serialize,
    {
        let printed = Printed { plan: &self.plan, store: &self.store, digest: self.plan.digest() };
        serde_json::value::to_raw_value(&printed).expect("a plan holds only plain data")
    }

    /// Writes the file, with its folder; it is whole or not there at all.
    ///
    /// # Errors
    /// If the folder or the file can't be written.
    pub fn write(&self, path: &Path) -> io::Result<()>
    where
        W: Serialize,
    {
        fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        files::replace(path, &self.print())
    }
}

impl<W> Plan<W> {
    /// Reads a plan and nothing about its file; see [`PlanFile::parse`].
    ///
    /// # Errors
    /// As for [`PlanFile::parse`].
    pub fn parse(text: &str) -> Result<Self, PlanError>
    where
        W: DeserializeOwned + Serialize,
    {
        PlanFile::parse(text).map(|file| file.plan)
    }

    /// Prints the plan as it is committed; see [`PlanFile::print`].
    pub fn print(&self) -> String
    where
        W: Clone + Serialize,
    {
        PlanFile::new(self.clone()).print()
    }
}

/// An error with its place in the plan: what is wrong there says the error itself, and only the line where that is.
fn place(path: &str, error: &serde_json::Error) -> String {
    if path == "." { error.to_string() } else { format!("{path}: {error}") }
}
