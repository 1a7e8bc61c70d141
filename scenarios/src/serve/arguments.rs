use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use clap::{Args, Command};
use seaworthy_sim::cli::duration;

/// The command `serve`.
#[derive(Debug, Args)]
pub(super) struct ServeArguments {
    /// The scenario, or a broken twin of it
    #[arg(default_value = "order_fulfillment")]
    pub(super) scenario: String,
    /// The database, as sqlite:FILE or redb:FILE; two more files, for shipping and for payments, lie beside it
    #[arg(long, value_name = "sqlite:FILE|redb:FILE")]
    pub(super) store: StoreUrl,
    /// The orders, a CSV file with the columns date,customer,quantity,amount_usd
    #[arg(long, value_name = "FILE")]
    pub(super) orders: PathBuf,
    /// Only the first N orders
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<usize>,
    /// Time after which the next start takes over the checkouts of a killed one, such as 3s
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "3s")]
    pub(super) saga_lease: Duration,
}

/// Path of a database file, written `sqlite:FILE`.
#[derive(Clone, Debug)]
pub(crate) struct SqliteUrl(pub(crate) PathBuf);

impl fmt::Display for SqliteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sqlite:{}", self.0.display())
    }
}

impl FromStr for SqliteUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = text.strip_prefix("sqlite:").filter(|path| !path.is_empty());
        path.map(|path| Self(path.into())).ok_or_else(|| format!("{text:?} is no store: write sqlite:FILE"))
    }
}

/// Kind of a database and the path of its file, written `sqlite:FILE` or `redb:FILE`.
#[derive(Clone, Debug)]
pub(crate) enum StoreUrl {
    Sqlite(PathBuf),
    Redb(PathBuf),
}

impl StoreUrl {
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Sqlite(path) | Self::Redb(path) => path,
        }
    }
}

impl FromStr for StoreUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(path.into())),
            Some(("redb", path)) if !path.is_empty() => Ok(Self::Redb(path.into())),
            _ => Err(format!("{text:?} is no store: write sqlite:FILE or redb:FILE")),
        }
    }
}

/// The command as it stands in the program's help.
pub(crate) fn command() -> Command {
    let about =
        "Runs the scenario's own processes without simulation: SQLite or redb on disk, tokio, orders from a file";
    ServeArguments::augment_args(Command::new("serve")).about(about)
}
