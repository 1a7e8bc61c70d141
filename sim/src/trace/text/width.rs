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

/// `text` in lines of at most `width` terminal columns, broken at blanks where that can be and within a word where it
/// can't, and wherever the text itself begins a line. Nothing is left out but the blanks at the breaks. Always at least one
/// line.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    // A wide character needs two.
    let width = width.max(2);
    let mut lines = Vec::new();
    for line in text.split('\n') {
        wrap_line(line.strip_suffix('\r').unwrap_or(line), width, &mut lines);
    }
    lines
}

fn wrap_line(text: &str, width: usize, lines: &mut Vec<String>) {
    let mut line = String::new();
    let mut columns = 0;
    for word in text.split(' ') {
        let needed = word.width() + usize::from(!line.is_empty());
        if columns + needed <= width {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
            columns += needed;
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        columns = 0;
        for character in word.chars() {
            let needed = character.width().unwrap_or(0);
            if columns + needed > width {
                lines.push(std::mem::take(&mut line));
                columns = 0;
            }
            line.push(character);
            columns += needed;
        }
    }
    lines.push(line);
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

    #[test]
    fn a_wrapped_text_fits_and_loses_nothing() {
        let text = "commit t4 on orders: creates s2 checkout of 注文が確定しました; 0123456789012345678901234567890123";
        for width in [2, 7, 20, 40, 200] {
            let lines = wrap(text, width);
            assert!(lines.iter().all(|line| line.width() <= width), "{width}: {lines:?}");
            let letters = |text: &str| text.chars().filter(|letter| *letter != ' ').collect::<String>();
            assert_eq!(letters(&lines.concat()), letters(text), "{width}");
        }
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("", 8), [""]);
        assert_eq!(wrap("left\r\n  right side\n", 8), ["left", "right", "side", ""]);
    }
}
