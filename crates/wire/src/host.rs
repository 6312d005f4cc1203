//! The Host header (RFC 9110 section 7.2): clients sign it, and are told apart by it, with and without its port.

/// `host` of `host:port`; `None` when there is no port. The port may be empty. An IPv6 address keeps its brackets.
pub fn without_port(host: &str) -> Option<&str> {
    let (bare, port) = host.rsplit_once(':')?;
    port.bytes().all(|byte| byte.is_ascii_digit()).then_some(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_port_is_taken_off() {
        assert_eq!(without_port("a.example:80"), Some("a.example"));
        assert_eq!(without_port("a.example:"), Some("a.example"));
        assert_eq!(without_port("[::1]:80"), Some("[::1]"));
        for bare in ["a.example", "[::1]", ""] {
            assert_eq!(without_port(bare), None, "{bare}");
        }
    }
}
