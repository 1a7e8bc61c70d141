use super::Message;

/// A trace context as the header `traceparent` carries it
/// ([W3C Trace Context](https://www.w3.org/TR/trace-context/#traceparent-header)): a trace, and the span in it that the message
/// was sent from.
///
/// ```
/// use seaworthy_core::message::TraceContext;
///
/// let context = TraceContext::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").expect("well formed");
/// assert_eq!(context.trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
/// assert_eq!(context.parent_id, "00f067aa0ba902b7");
/// assert!(TraceContext::parse("4bf92f3577b34da6a3ce929d0e0e4736").is_none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext<'a> {
    /// Id of the trace, 32 hexadecimal digits.
    pub trace_id: &'a str,
    /// Id of the span that the message was sent from, 16 hexadecimal digits.
    pub parent_id: &'a str,
}

impl<'a> TraceContext<'a> {
    /// Reads the header's value. `None` where it is not well formed, or of a version that forbids to read it: such a header
    /// is passed on as it is and names no trace.
    pub fn parse(traceparent: &'a str) -> Option<Self> {
        let mut fields = traceparent.split('-');
        let (version, trace_id, parent_id, flags) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let is_known =
            version == "00" && fields.next().is_none() || is_hex(version, 2) && !matches!(version, "00" | "ff");
        let is_named = is_hex(trace_id, 32) && is_hex(parent_id, 16) && is_hex(flags, 2);
        let is_real = !is_zero(trace_id) && !is_zero(parent_id);
        (is_known && is_named && is_real).then_some(Self { trace_id, parent_id })
    }
}

impl Message {
    /// The trace that it belongs to, if it carries a trace context that is well formed.
    pub fn trace(&self) -> Option<TraceContext<'_>> {
        self.traceparent.as_deref().and_then(TraceContext::parse)
    }
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'))
}

fn is_zero(text: &str) -> bool {
    text.bytes().all(|byte| byte == b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    #[test]
    fn a_header_that_is_not_well_formed_names_no_trace() {
        let of = |header: String| TraceContext::parse(&header).map(|context| context.trace_id.to_owned());
        assert_eq!(of(format!("00-{TRACE}-{SPAN}-00")).as_deref(), Some(TRACE));
        // A later version may have more fields, this one may not.
        assert_eq!(of(format!("cc-{TRACE}-{SPAN}-01-what-comes")).as_deref(), Some(TRACE));
        for wrong in [
            String::new(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{}-{SPAN}-01", "0".repeat(32)),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{TRACE}-{SPAN}-1"),
            format!("00-{SPAN}-{TRACE}-01"),
        ] {
            assert_eq!(of(wrong.clone()), None, "{wrong}");
        }
    }
}
