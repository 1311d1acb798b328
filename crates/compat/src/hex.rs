//! Bytes as the tools write them.

use binfmt::rule::escape;

/// `\xHH` for each byte, the letters of `\x7fELF` as letters.
pub(crate) fn with_elf(bytes: &[u8]) -> String {
    match bytes.strip_prefix(b"\x7fELF") {
        Some(rest) => format!("\\x7fELF{}", escape(rest)),
        None => escape(bytes),
    }
}

/// Replaces `\xHH`; anything else stays as it is.
pub(crate) fn expand(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        if let [b'\\', b'x', high, low, tail @ ..] = rest
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
        {
            out.push(high << 4 | low);
            rest = tail;
            continue;
        }
        out.push(first);
        rest = after;
    }
    out
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|d| d as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_come_back() {
        assert_eq!(with_elf(b"\x7fELF\x02\x01"), "\\x7fELF\\x02\\x01");
        assert_eq!(expand(b"\\x7fELF\\x02\\xzz\\x0"), b"\x7fELF\x02\\xzz\\x0");
    }
}
