//! Texts of errors as they are kept.

/// Length of an error's text in bytes beyond which it is cut before it is stored. Enough for any message and the top of
/// a stack; an error page of a participant, or a payload quoted back, is a megabyte at each attempt.
const KEPT_BYTES_MAX: usize = 1_024;

/// Mark that stands where a text was cut.
const MORE: &str = "…";

/// Returns a text as it may be kept: whole where it is short, and otherwise its beginning, on a character's boundary,
/// with a sign that there was more. At most 1 KiB in all. An adapter cuts what it keeps of its own accord, such as why a row can't
/// be read; what it is given by the core is cut.
///
/// ```
/// use seaworthy_core::cut::cut;
///
/// assert_eq!(cut("no such table".to_owned()), "no such table");
/// assert_eq!(cut("x".repeat(1 << 20)).len(), 1_024);
/// ```
pub fn cut<T: AsRef<str> + From<String>>(text: T) -> T {
    let whole = text.as_ref();
    if whole.len() <= KEPT_BYTES_MAX {
        return text;
    }
    let mut kept = whole[..whole.floor_char_boundary(KEPT_BYTES_MAX - MORE.len())].to_owned();
    kept.push_str(MORE);
    kept.into()
}

#[cfg(test)]
mod tests {
    use smol_str::SmolStr;

    use super::*;

    #[test]
    fn a_text_that_fits_is_kept_whole() {
        for length in [0, 1, KEPT_BYTES_MAX] {
            let text = "x".repeat(length);
            assert_eq!(cut(text.clone()), text);
        }
    }

    #[test]
    fn a_long_text_is_cut_on_a_boundary_of_a_character_wherever_that_lies() {
        // Characters of three bytes, moved along by one byte each: some of them straddle the limit.
        for lead in 0..4 {
            let text = "x".repeat(lead) + &"€".repeat(1_000_000);
            let kept = cut(SmolStr::from(text.clone()));
            assert!(kept.len() <= KEPT_BYTES_MAX && kept.len() > KEPT_BYTES_MAX - 4, "{} bytes", kept.len());
            let beginning = kept.strip_suffix(MORE).expect("a sign that there was more");
            assert!(text.starts_with(beginning));
        }
        assert!(cut("x".repeat(KEPT_BYTES_MAX + 1)).len() <= KEPT_BYTES_MAX);
    }
}
