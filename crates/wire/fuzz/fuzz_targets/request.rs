//! A request in text, for the targets that look at signatures: a line with the signature, one with the path, one with the
//! query, then a header a line.

pub(crate) type Pairs = Vec<(String, String)>;

pub(crate) struct Input<'a> {
    pub(crate) authorization: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: Pairs,
    pub(crate) headers: Pairs,
}

impl<'a> Input<'a> {
    pub(crate) fn read(text: &'a str) -> Self {
        let mut lines = text.split('\n');
        let mut line = || lines.next().unwrap_or_default();
        let (authorization, path, query) = (line(), line(), line());
        let is_token =
            |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        Self {
            authorization,
            path,
            query: query.split('&').filter(|pair| !pair.is_empty()).map(|pair| split(pair, '=')).collect(),
            // The server in front lets no other names through.
            headers: lines.map(|line| split(line, ':')).filter(|(name, _)| is_token(name)).collect(),
        }
    }
}

fn split(pair: &str, at: char) -> (String, String) {
    let (name, value) = pair.split_once(at).unwrap_or((pair, ""));
    (name.to_owned(), value.to_owned())
}
