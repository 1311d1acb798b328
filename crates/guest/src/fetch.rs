//! Where guest code is read from.

/// Guest code, and what is known of it.
///
/// What a translation is made of must be read here and by [`Fetch::bytes`] or [`Fetch::peek`]: it is
/// used in another process only if the same bytes are there.
pub trait Fetch {
    /// Reads the code of the block from `pc` on; says how many bytes there are before one that may not
    /// be executed. To be asked for more than one instruction at a time, without leaving a gap.
    fn bytes(&mut self, pc: u64, out: &mut [u8]) -> usize;
    /// The `len` bytes at `pc`, one to eight, the first in the lowest bits; none if not all of them may be
    /// executed. For single instructions elsewhere that decide how the block is translated (behind its
    /// exits).
    fn peek(&mut self, pc: u64, len: usize) -> Option<u64> {
        let mut bytes = [0; 8];
        (self.bytes(pc, &mut bytes[..len]) == len).then(|| u64::from_le_bytes(bytes))
    }
    /// Whether the code at `pc` is translated already: a block that comes there may as well end.
    fn known(&mut self, pc: u64) -> bool {
        let _ = pc;
        false
    }
    /// How many of the `len` bytes (at most 64) from `pc` on come before an address after `pc` of which
    /// the code is translated already. (On guests with instructions of different lengths that may be the
    /// middle of one.)
    fn unknown(&mut self, pc: u64, len: usize) -> usize {
        let _ = pc;
        len
    }
    /// Whether the page of `pc` is guarded: indirect branches there are checked. Only asked by
    /// guests that check ([`crate::Guest::guards`]).
    fn guarded(&mut self, pc: u64) -> bool {
        let _ = pc;
        false
    }
    /// Whether `pc` is in the vDSO that we have given to the program.
    fn is_vdso(&mut self, pc: u64) -> bool {
        let _ = pc;
        false
    }
}

/// Bytes that are best read at once.
pub const AT_ONCE: usize = 64;

/// Reads 32-bit little-endian words of the block's code from `pc` on ([`Fetch::bytes`]); says how many.
pub fn words(fetch: &mut dyn Fetch, pc: u64, out: &mut [u32]) -> usize {
    let mut bytes = [0; AT_ONCE];
    if let Ok(out) = <&mut [u32; AT_ONCE / 4]>::try_from(&mut *out) {
        // (Of fixed size, this is a few moves of vectors.)
        let read = fetch.bytes(pc, &mut bytes);
        *out = core::array::from_fn(|n| word(&bytes, n));
        return read / 4;
    }
    let mut count = 0;
    for piece in out.chunks_mut(AT_ONCE / 4) {
        let wanted = piece.len() * 4;
        let read = fetch.bytes(pc.wrapping_add(count as u64 * 4), &mut bytes[..wanted]);
        piece.iter_mut().enumerate().for_each(|(n, out)| *out = word(&bytes, n));
        count += read / 4;
        if read < wanted {
            break;
        }
    }
    count
}

/// Word `n` of `bytes`.
#[inline(always)]
fn word(bytes: &[u8; AT_ONCE], n: usize) -> u32 {
    u32::from_le_bytes(bytes.as_chunks().0[n])
}

/// The 32-bit little-endian word of code at `pc` ([`Fetch::peek`]).
pub fn peek_word(fetch: &mut dyn Fetch, pc: u64) -> Option<u32> {
    fetch.peek(pc, 4).map(|bytes| bytes as u32)
}

/// Code of 32-bit little-endian words that a function knows, by their addresses (multiples of four).
impl<F: FnMut(u64) -> Option<u32>> Fetch for F {
    fn bytes(&mut self, pc: u64, out: &mut [u8]) -> usize {
        for (n, byte) in out.iter_mut().enumerate() {
            let at = pc.wrapping_add(n as u64);
            let Some(word) = self(at & !3) else { return n };
            *byte = word.to_le_bytes()[(at & 3) as usize];
        }
        out.len()
    }
}

/// Code of the words `code` from `start` on (a multiple of four), and none elsewhere.
pub fn code_at(start: u64, code: &[u32]) -> impl Fetch + '_ {
    move |pc: u64| code.get(usize::try_from(pc.checked_sub(start)? / 4).ok()?).copied()
}

/// Code of the bytes `code` from `start` on, and none elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct Bytes<'a> {
    /// Address of the first.
    pub start: u64,
    /// The code.
    pub code: &'a [u8],
}

impl Fetch for Bytes<'_> {
    fn bytes(&mut self, pc: u64, out: &mut [u8]) -> usize {
        let from = usize::try_from(pc.wrapping_sub(self.start)).unwrap_or(usize::MAX);
        let there = self.code.get(from..).unwrap_or_default();
        let count = there.len().min(out.len());
        out[..count].copy_from_slice(&there[..count]);
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_end_where_code_does() {
        let code: Vec<u32> = (1..=40).collect();
        let mut out = [0; 64];
        assert_eq!(words(&mut code_at(0x1000, &code), 0x1000, &mut out), 40);
        assert_eq!(out[..40], code);
        assert_eq!(words(&mut code_at(0x1000, &code), 0x1004, &mut out[..20]), 20);
        assert_eq!((out[0], out[19]), (2, 21));
        assert_eq!(words(&mut code_at(0x1000, &code), 0x10a0, &mut out), 0);
        // Part of a word is none.
        let bytes = [1, 0, 0, 0, 2, 0];
        assert_eq!(words(&mut Bytes { start: 0x1000, code: &bytes }, 0x1000, &mut out), 1);
        assert_eq!(peek_word(&mut Bytes { start: 0x1000, code: &bytes }, 0x1002), Some(2 << 16));
        assert_eq!(peek_word(&mut Bytes { start: 0x1000, code: &bytes }, 0x1003), None);
        assert_eq!(Bytes { start: 0x1000, code: &bytes }.bytes(0xfff, &mut [0; 4]), 0);
    }
}
