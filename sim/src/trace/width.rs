use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// `text` in exactly `width` terminal columns: padded with blanks, or cut with an ellipsis. Wide characters count two.
pub(crate) fn fit(text: &str, width: usize) -> String {
    let mut fitted = cut(text, width);
    let columns = fitted.width();
    fitted.extend(std::iter::repeat_n(' ', width.saturating_sub(columns)));
    fitted
}

/// `text` in at most `width` terminal columns, cut with an ellipsis if it is longer.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    if width == 0 {
        return String::new();
    }
    let mut columns = 0;
    let mut fitted = String::new();
    for character in text.chars() {
        columns += character.width().unwrap_or(0);
        if columns > width - 1 {
            break;
        }
        fitted.push(character);
    }
    fitted.push('…');
    fitted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_fills_its_columns_exactly_whatever_it_is_written_in() {
        for text in ["", "short", "exactly ten", "résumé of a café", "注文が確定しました", "注a文b確c"] {
            for width in [0, 1, 2, 7, 11, 30] {
                assert_eq!(fit(text, width).width(), width, "{text:?} in {width} columns");
            }
        }
    }

    #[test]
    fn a_cut_shows_that_something_is_missing() {
        assert_eq!(cut("acknowledged", 5), "ackn…");
        assert_eq!(cut("acked", 5), "acked");
    }
}
