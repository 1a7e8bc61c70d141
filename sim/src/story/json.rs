//! A story as JSON, for other programs.

use serde::{Deserialize, Serialize};

use super::Story;

/// The format that [`Story::json`] writes.
pub const STORY_FORMAT: &str = "seaworthy/story@1";

/// A story with its format in front.
#[derive(Serialize)]
struct Written<'a> {
    format: &'static str,
    #[serde(flatten)]
    story: &'a Story,
}

/// Error of a text that is no story.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoryError {
    /// It is no JSON, or other JSON.
    #[error("story is malformed or truncated: {0}")]
    Malformed(#[from] serde_json::Error),
    /// Its format is another one.
    #[error("story has format {found:?}; this version reads {STORY_FORMAT:?}: use the seaworthy that wrote it")]
    Format {
        /// The format that it names.
        found: String,
    },
}

impl Story {
    /// The story as a JSON object, indented, with a line break at its end. Its fields are those of [`Story`] and of the types
    /// in it, by their names here, after `format`, which is [`STORY_FORMAT`]. The seed and the fingerprint are strings, since
    /// they can be greater than what a number in JSON holds.
    ///
    /// ```
    /// use seaworthy_sim::story::Story;
    ///
    /// let text = r#"{
    ///   "format": "seaworthy/story@1",
    ///   "headline": null,
    ///   "others": [],
    ///   "plan": {
    ///     "scenario": "welcoming",
    ///     "seed": "0x0000000000000007",
    ///     "items": "1 name",
    ///     "schedule": "each port call takes 1 ms",
    ///     "faults": [
    ///       {
    ///         "words": "drop the 2nd acknowledgement of `mailer-1` without a word",
    ///         "struck": true,
    ///         "hits": {
    ///           "kind": "process",
    ///           "name": "mailer-1"
    ///         }
    ///       }
    ///     ]
    ///   },
    ///   "run": {
    ///     "fingerprint": "0x00000000feedbeef",
    ///     "events": 12,
    ///     "lasted_us": 9000
    ///   },
    ///   "diagram": null,
    ///   "pointers": {
    ///     "plan": null,
    ///     "html": null,
    ///     "replay": "seaworthy replay 7",
    ///     "keep": null
    ///   }
    /// }
    /// "#;
    /// assert_eq!(Story::from_json(text)?.json(), text);
    /// # Ok::<(), seaworthy_sim::story::StoryError>(())
    /// ```
    pub fn json(&self) -> String {
        let written = Written { format: STORY_FORMAT, story: self };
        serde_json::to_string_pretty(&written).expect("a story holds only plain data") + "\n"
    }

    /// The story that [`json`](Self::json) wrote.
    ///
    /// # Errors
    /// [`StoryError`]; the format is looked at before anything else.
    pub fn from_json(text: &str) -> Result<Self, StoryError> {
        #[derive(Deserialize)]
        struct Head {
            format: String,
        }
        let Head { format } = serde_json::from_str(text)?;
        if format == STORY_FORMAT { Ok(serde_json::from_str(text)?) } else { Err(StoryError::Format { found: format }) }
    }
}
