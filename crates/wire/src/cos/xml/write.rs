//! Writing elements.

use quick_xml::escape::partial_escape;

/// An XML document under construction.
pub(super) struct Document {
    text: String,
}

impl Document {
    /// A document with the root `name`, filled by `fill`.
    pub(super) fn build(name: &str, fill: impl FnOnce(&mut Self)) -> String {
        let mut document = Self { text: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned() };
        document.parent(name, fill);
        document.text
    }

    /// `<name>…</name>`, filled by `fill`.
    pub(super) fn parent(&mut self, name: &str, fill: impl FnOnce(&mut Self)) -> &mut Self {
        self.tag("<", name);
        fill(self);
        self.tag("</", name);
        self
    }

    /// `<name>text</name>`, or `<name/>` when empty. Characters that XML cannot hold become U+FFFD.
    pub(super) fn leaf(&mut self, name: &str, text: &str) -> &mut Self {
        if text.is_empty() {
            self.text.push('<');
            self.text.push_str(name);
            self.text.push_str("/>");
            return self;
        }
        self.tag("<", name);
        if text.chars().all(is_xml) {
            self.text.push_str(&partial_escape(text));
        } else {
            let clean: String = text.chars().map(|c| if is_xml(c) { c } else { '\u{fffd}' }).collect();
            self.text.push_str(&partial_escape(clean));
        }
        self.tag("</", name);
        self
    }

    /// The owner that listings carry: one account, so always the same.
    pub(super) fn owner(&mut self, name: &str) -> &mut Self {
        self.parent(name, |owner| {
            owner.leaf("ID", "1").leaf("DisplayName", "1");
        })
    }

    fn tag(&mut self, open: &str, name: &str) {
        self.text.push_str(open);
        self.text.push_str(name);
        self.text.push('>');
    }
}

/// XML 1.0 `Char`, without the carriage return that a parser would turn into a line feed.
fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}
