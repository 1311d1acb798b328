//! A quick look over straight-line code of instructions of several lengths before it is translated:
//! where its instructions are, where it ends, and which of them are destinations of its own branches.

use crate::block::{BLOCK_INSNS_MAX, BLOCK_PAGE, Targets};
use crate::fetch::{AT_ONCE, Fetch};

/// What an instruction does to the flow of control; how far a branch goes, in bytes from the
/// instruction's start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The next instruction follows.
    Other,
    /// A direct conditional branch.
    Branch(i32),
    /// A direct branch that leaves nothing behind.
    Jump(i32),
    /// All others: calls, returns, system calls.
    End,
}

/// Tells instructions apart.
pub trait Look {
    /// Bytes of the shortest instruction.
    const SHORTEST: usize;
    /// Length and kind of the instruction at the start of `code`; none if that is not the whole of it.
    fn look(code: &[u8]) -> Option<(usize, Kind)>;
}

/// What is found in a block of at most `BYTES` bytes.
#[derive(Clone, Copy, Debug)]
pub struct Scan<const BYTES: usize> {
    /// Instructions up to and including the one that ends the block.
    pub insns: usize,
    /// Those that are destinations of direct branches among them.
    pub targets: Targets,
    /// Where each instruction starts, in bytes from the block's start, and where the last one ends.
    pub offsets: [u16; BLOCK_INSNS_MAX + 1],
    code: [u8; BYTES],
}

impl<const BYTES: usize> Scan<BYTES> {
    /// The code of instruction `n`, and what follows it.
    pub fn code(&self, n: usize) -> &[u8] {
        &self.code[usize::from(self.offsets[n])..]
    }
    /// The number of the instruction at `pc` of a block from `start`.
    pub fn number(&self, start: u64, pc: u64) -> Option<usize> {
        let offset = u16::try_from(pc.wrapping_sub(start)).ok()?;
        self.offsets[..self.insns].binary_search(&offset).ok()
    }
    /// Reads up to `limit` instructions from `pc`; `brief`: up to the first branch.
    pub fn of<L: Look>(fetch: &mut dyn Fetch, pc: u64, limit: usize, brief: bool) -> Self {
        let mut scan = Self {
            insns: 0,
            targets: Targets::default(),
            offsets: [0; BLOCK_INSNS_MAX + 1],
            code: [0; BYTES],
        };
        let clear = if brief { usize::MAX } else { L::SHORTEST };
        let mut known = Known { pc, shortest: L::SHORTEST, clear, first: usize::MAX };
        // Where branches go, in bytes; those to the middle of instructions leave.
        let mut branches = [0u16; BLOCK_INSNS_MAX];
        let mut count = 0;
        let mut read = Reader { pc, bytes: 0, ended: false };
        let page = ((BLOCK_PAGE - pc % BLOCK_PAGE) as usize).min(BYTES);
        let mut at = 0;
        while scan.insns < limit && at < page {
            if known.is(fetch, at, BYTES) {
                // A loop stays together, even if it has been entered in the middle.
                let end = page.min(at + AT_ONCE);
                read.up_to(fetch, &mut scan.code, end);
                if !loops_back::<L>(&scan.code[..read.bytes.min(end)], at) {
                    break;
                }
                known.clear = usize::MAX;
            }
            let Some((len, kind)) = read.look::<L>(fetch, &mut scan.code, at) else { break };
            scan.offsets[scan.insns] = at as u16;
            scan.insns += 1;
            let start = at;
            at += len;
            let (distance, jump) = match kind {
                Kind::Other => continue,
                Kind::End => break,
                Kind::Branch(_) | Kind::Jump(_) if brief => break,
                Kind::Branch(distance) => (distance, false),
                Kind::Jump(distance) => (distance, true),
            };
            let target = start as i64 + i64::from(distance);
            // The start of the block is none: a branch there is an exit, which back ends make a loop.
            let inside = (1..BYTES as i64).contains(&target) && distance != 0;
            if inside {
                branches[count] = target as u16;
                count += 1;
            }
            // After a jump the block goes on only with code that is reached otherwise.
            let over = inside && target > at as i64 && branches[..count - 1].contains(&(at as u16));
            if distance == 0 || jump && !over {
                break;
            }
        }
        scan.offsets[scan.insns] = at as u16;
        for &target in &branches[..count] {
            if let Some(number @ 1..) = scan.number(0, u64::from(target)) {
                scan.targets.0 |= 1 << number;
            }
        }
        scan
    }
}

/// Whether an instruction of `code` from `at` on branches to the start of it.
fn loops_back<L: Look>(code: &[u8], mut at: usize) -> bool {
    while let Some((len, kind)) = code.get(at..).and_then(L::look) {
        if let Kind::Branch(distance) | Kind::Jump(distance) = kind
            && at as i64 + i64::from(distance) == 0
        {
            return true;
        }
        at += len;
    }
    false
}

/// Finds code that is translated already.
struct Known {
    pc: u64,
    shortest: usize,
    /// What starts before this, but for the block itself, has been asked for.
    clear: usize,
    /// The last one found.
    first: usize,
}

impl Known {
    /// Whether the code at `at` bytes from the start of a block of at most `most` bytes is translated
    /// already; to be asked for rising ones.
    fn is(&mut self, fetch: &mut dyn Fetch, at: usize, most: usize) -> bool {
        while at >= self.clear && self.clear < most {
            let from = self.clear - self.shortest;
            let unknown = fetch.unknown(self.pc.wrapping_add(from as u64), AT_ONCE);
            if unknown < AT_ONCE {
                self.first = from + unknown;
            }
            self.clear = from + unknown.min(AT_ONCE - self.shortest) + self.shortest;
        }
        at == self.first && at != 0
    }
}

/// Reads code in pieces.
struct Reader {
    pc: u64,
    bytes: usize,
    ended: bool,
}

impl Reader {
    /// Reads on until there are `wanted` bytes; says whether there are.
    fn up_to(&mut self, fetch: &mut dyn Fetch, code: &mut [u8], wanted: usize) -> bool {
        if self.bytes < wanted && !self.ended {
            let end = code.len().min(self.bytes + AT_ONCE);
            let pc = self.pc.wrapping_add(self.bytes as u64);
            let piece = &mut code[self.bytes..end];
            let read = fetch.bytes(pc, piece);
            self.ended = read < piece.len();
            self.bytes += read;
        }
        self.bytes >= wanted
    }
    /// Length and kind of the instruction at `at`, of which as much is read as it takes.
    fn look<L: Look>(
        &mut self,
        fetch: &mut dyn Fetch,
        code: &mut [u8],
        at: usize,
    ) -> Option<(usize, Kind)> {
        loop {
            if self.bytes > at
                && let Some(found) = L::look(&code[at..self.bytes])
            {
                return Some(found);
            }
            if !self.up_to(fetch, code, self.bytes.max(at) + 1) {
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Bytes;

    /// Instructions of as many bytes as the high half of their first one says; 1 in the low half is a
    /// branch and 2 a jump over the distance in the second byte, 3 ends.
    struct Made;

    impl Look for Made {
        const SHORTEST: usize = 1;
        fn look(code: &[u8]) -> Option<(usize, Kind)> {
            let first = *code.first()?;
            let len = usize::from(first >> 4);
            let code = code.get(..len)?;
            let kind = match first & 15 {
                1 => Kind::Branch(i32::from(code[1].cast_signed())),
                2 => Kind::Jump(i32::from(code[1].cast_signed())),
                3 => Kind::End,
                _ => Kind::Other,
            };
            Some((len, kind))
        }
    }

    fn scan(code: &[u8]) -> Scan<960> {
        Scan::of::<Made>(&mut Bytes { start: 0x1000, code }, 0x1000, BLOCK_INSNS_MAX, false)
    }

    #[test]
    fn lengths_and_targets_are_found() {
        // A branch over the second arm, whose first arm jumps over it; then a loop to the second arm.
        let code = [0x21, 5, 0x10, 0x22, 5, 0x30, 0, 0, 0x21, 0xfd, 0x13];
        let found = scan(&code);
        assert_eq!(found.offsets[..=found.insns], [0, 2, 3, 5, 8, 10, 11]);
        assert_eq!(found.targets, Targets(1 << 3 | 1 << 4));
        assert_eq!(found.number(0x1000, 0x1005), Some(3));
        assert_eq!(found.number(0x1000, 0x1006), None);
        assert_eq!(found.code(4)[..2], [0x21, 0xfd]);
    }

    #[test]
    fn blocks_end_at_jumps_and_where_code_does() {
        assert_eq!(scan(&[0x10, 0x22, 9, 0x10]).insns, 2);
        assert_eq!(scan(&[0x10, 0x21, 0, 0x10]).insns, 2);
        // Half an instruction is none.
        assert_eq!(scan(&[0x10, 0x30, 0]).insns, 1);
        let long = [0x10; 2000];
        assert_eq!(scan(&long).insns, BLOCK_INSNS_MAX);
        // The last instruction may end in the next page.
        let mut fetch =
            Bytes { start: 0x1ffe, code: &[0x10, 0xf0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] };
        let found = Scan::<960>::of::<Made>(&mut fetch, 0x1ffe, BLOCK_INSNS_MAX, false);
        assert_eq!((found.insns, found.offsets[2]), (2, 16));
    }
}
