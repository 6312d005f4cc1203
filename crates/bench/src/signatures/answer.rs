//! As much of HTTP/1.1 answers as the load needs: the status, and where the next answer begins.

use anyhow::{Context, Result};

/// The head of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Its status.
    pub(crate) status: u16,
    /// Bytes up to the body.
    pub(crate) head: usize,
    /// Bytes of the body.
    pub(crate) body: usize,
}

impl Answer {
    /// Reads the head from what has come so far; `None` when it is not complete. Only announced lengths are known
    /// here: every server that is measured announces them.
    pub(crate) fn read(bytes: &[u8]) -> Result<Option<Self>> {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
        let head = &bytes[..end];
        let understood = || format!("an answer is not understood: {}", String::from_utf8_lossy(head));
        let status = head.strip_prefix(b"HTTP/1.1 ").and_then(|rest| number(rest.get(..3)?));
        let status = status.and_then(|status| u16::try_from(status).ok()).with_context(understood)?;
        let mut lines = head.split(|byte| *byte == b'\n');
        let body = lines.find_map(content_length).with_context(understood)?;
        Ok(Some(Self { status, head: end + 4, body }))
    }

    /// Bytes of the whole answer.
    pub(crate) fn length(&self) -> usize {
        self.head + self.body
    }
}

fn content_length(line: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length:";
    let (name, value) = line.split_at_checked(NAME.len())?;
    name.eq_ignore_ascii_case(NAME).then(|| number(value.trim_ascii()))?
}

fn number(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &[u8] = b"HTTP/1.1 200 OK\r\nX: 1\r\nContent-Length: 5\r\n\r\nhello";

    #[test]
    fn an_answer_that_comes_in_pieces_is_read_once_its_head_is_there() {
        let expected = Answer { status: 200, head: WHOLE.len() - 5, body: 5 };
        for length in 0..WHOLE.len() {
            let read = Answer::read(&WHOLE[..length]).unwrap();
            assert_eq!(read, (length >= expected.head).then_some(expected), "{length} bytes");
        }
        assert_eq!(expected.length(), WHOLE.len());
    }

    #[test]
    fn names_are_read_in_any_case_and_refusals_have_a_status_too() {
        let text = b"HTTP/1.1 429 Too Many Requests\r\ncontent-length:0\r\n\r\n";
        assert_eq!(Answer::read(text).unwrap(), Some(Answer { status: 429, head: text.len(), body: 0 }));
    }

    #[test]
    fn what_cannot_be_followed_is_refused() {
        for text in [
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 2\r\nContent-Length: 0\r\n\r\n",
        ] {
            assert!(Answer::read(text.as_bytes()).is_err(), "{text}");
        }
    }
}
