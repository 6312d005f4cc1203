//! Reading: a body becomes a small tree of elements, within bounds.

use quick_xml::Reader;
use quick_xml::escape::{resolve_predefined_entity, unescape};
use quick_xml::events::{BytesStart, Event};

use crate::cos::ErrorCode;
use crate::upload_signature::shown;

/// Largest body that is read, bytes.
pub const MAX_BYTES: usize = 1 << 20;
/// Most elements; a Complete of 10000 parts with a checksum each has 40002.
const MAX_ELEMENTS: usize = 60_000;
const MAX_DEPTH: usize = 8;

/// A body that is refused; `Display` says what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// Not the expected XML.
    #[error("{0}")]
    Malformed(String),
    /// The parts of a Complete are not in ascending order.
    #[error("part {number} comes after part {previous}: parts must be in ascending order, each once")]
    PartOrder {
        /// The part that is out of order.
        number: u32,
        /// The one before it.
        previous: u32,
    },
}

impl XmlError {
    /// The code of the error answer.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Malformed(_) => ErrorCode::MalformedXml,
            Self::PartOrder { .. } => ErrorCode::InvalidPartOrder,
        }
    }
}

pub(super) fn malformed<T>(sentence: String) -> Result<T, XmlError> {
    Err(XmlError::Malformed(sentence))
}

/// An element: its name without prefix, its text, its children.
#[derive(Debug)]
pub(super) struct Element {
    pub(super) name: String,
    text: String,
    pub(super) children: Vec<Element>,
}

impl Element {
    /// Reads `body`, whose root must be `root`.
    pub(super) fn parse(body: &[u8], root: &str) -> Result<Self, XmlError> {
        if body.len() > MAX_BYTES {
            return malformed(format!("the body has {} bytes, more than {MAX_BYTES}", body.len()));
        }
        let text =
            std::str::from_utf8(body).map_err(|_| XmlError::Malformed("the body is not UTF-8".to_owned()))?;
        let element = TreeBuilder::default().read(text.trim_start_matches('\u{feff}'))?;
        if element.name == root {
            Ok(element)
        } else {
            malformed(format!("the root element is {}, not {root}", shown(&element.name)))
        }
    }

    /// Text without surrounding white space.
    pub(super) fn text(&self) -> &str {
        self.text.trim()
    }

    /// Text of the child `name`; empty when it is not there.
    pub(super) fn child_text(&self, name: &str) -> &str {
        self.children.iter().find(|child| child.name == name).map_or("", Element::text)
    }

    /// Children called `name`.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The child `name` as a number.
    pub(super) fn number(&self, name: &str) -> Result<u64, XmlError> {
        let text = self.child_text(name);
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().ok()).flatten().ok_or_else(|| {
            XmlError::Malformed(format!("{name} of {} is {}, not a number", self.name, shown(text)))
        })
    }
}

#[derive(Default)]
struct TreeBuilder {
    open: Vec<Element>,
    root: Option<Element>,
    elements: usize,
}

impl TreeBuilder {
    fn read(mut self, text: &str) -> Result<Element, XmlError> {
        let mut reader = Reader::from_str(text);
        loop {
            let event = reader
                .read_event()
                .map_err(|error| XmlError::Malformed(format!("the body is not well-formed XML: {error}")))?;
            match event {
                Event::Start(start) => self.begin(&start)?,
                Event::Empty(start) => {
                    self.begin(&start)?;
                    self.end();
                }
                Event::End(_) => self.end(),
                Event::Text(text) => self.append(&text)?,
                Event::CData(text) => self.append(&text)?,
                Event::GeneralRef(reference) => self.append(&entity(&reference)?)?,
                Event::DocType(_) => return malformed("a document type is not accepted".to_owned()),
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
                Event::Eof => break,
            }
        }
        match self.root {
            Some(root) if self.open.is_empty() => Ok(root),
            Some(_) | None => malformed("the body ends before its root element does".to_owned()),
        }
    }

    fn begin(&mut self, start: &BytesStart<'_>) -> Result<(), XmlError> {
        self.elements += 1;
        if self.elements > MAX_ELEMENTS || self.open.len() >= MAX_DEPTH {
            return malformed(format!("more than {MAX_ELEMENTS} elements, or deeper than {MAX_DEPTH}"));
        }
        if self.open.is_empty() && self.root.is_some() {
            return malformed("more than one root element".to_owned());
        }
        let name = start.local_name().as_ref().to_owned();
        self.open.push(Element { name, text: String::new(), children: Vec::new() });
        Ok(())
    }

    fn end(&mut self) {
        if let Some(done) = self.open.pop() {
            match self.open.last_mut() {
                Some(parent) => parent.children.push(done),
                None => self.root = Some(done),
            }
        }
    }

    fn append(&mut self, text: &str) -> Result<(), XmlError> {
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => return malformed("text outside the root element".to_owned()),
        }
        Ok(())
    }
}

/// `lt`, `#34` and so on; nothing that a document could define itself.
fn entity(name: &str) -> Result<String, XmlError> {
    if let Some(text) = resolve_predefined_entity(name) {
        return Ok(text.to_owned());
    }
    if name.starts_with('#')
        && let Ok(text) = unescape(&format!("&{name};"))
    {
        return Ok(text.into_owned());
    }
    malformed(format!("entity {} is not accepted", shown(name)))
}
