//! Vector cryptography: AES, SHA-2, GHASH, SM4, SM3. Instructions work on groups of four or eight elements;
//! what a host has instructions for is an operation of the IR, which the evaluator executes.

use super::{Done, Machine, Op, Sources, V0, low, require};
use crate::cpu::Features;
use eval::Env;
use ir::{FpControl, OpCode, Ref, Ty, VecOp};

/// Executes an operation of the IR on vectors.
fn vector(op: VecOp, a: u128, b: u128, c: u128) -> u128 {
    let operation =
        ir::Op { aux: op as u16, dst: Ref::temp(0), ..ir::Op::new(OpCode::Vec, Ty::V128) };
    let mut env = Env { nzcv: 0, fp: FpControl::default(), status: 0 };
    eval::pure(&operation, a, b, c, &mut env)
}

/// The four words of a group, the first one in the lowest bits.
fn words(group: u128) -> [u32; 4] {
    std::array::from_fn(|n| (group >> (32 * n)) as u32)
}
fn joined(words: [u32; 4]) -> u128 {
    words.iter().rev().fold(0, |group, word| group << 32 | u128::from(*word))
}

/// AES's S-box of each byte: a round without a key, of a state with equal columns.
fn substituted(word: u32) -> u32 {
    vector(VecOp::AesE, joined([word; 4]), 0, 0) as u32
}

/// AES's round constants.
const ROUND_CONSTANTS: [u32; 10] = [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0x1b, 0x36];

/// A round of AES with the key `k`.
fn aes(op: Op, state: u128, k: u128) -> u128 {
    match op {
        Op::Aesef => vector(VecOp::AesE, state, 0, 0) ^ k,
        Op::Aesem => vector(VecOp::AesMc, vector(VecOp::AesE, state, 0, 0), 0, 0) ^ k,
        Op::Aesdf => vector(VecOp::AesD, state, 0, 0) ^ k,
        Op::Aesdm => vector(VecOp::AesImc, vector(VecOp::AesD, state, 0, 0) ^ k, 0, 0),
        _ => state ^ k,
    }
}

/// The next round key of AES-128, or (VAESKF2) of AES-256, from this one and the one before.
fn aes_key(op: Op, round: usize, current: u128, before: u128) -> u128 {
    let (k, mut w) = (words(current), words(before));
    let first = match op {
        Op::Aeskf1 => {
            let round = if (1..=10).contains(&round) { round } else { round ^ 8 };
            w = k;
            substituted(k[3]).rotate_right(8) ^ ROUND_CONSTANTS[round - 1]
        }
        _ => {
            let round = if (2..=14).contains(&round) { round } else { round ^ 8 };
            match round & 1 {
                1 => substituted(k[3]),
                _ => substituted(k[3]).rotate_right(8) ^ ROUND_CONSTANTS[round / 2 - 1],
            }
        }
    };
    w[0] ^= first;
    for n in 1..4 {
        w[n] ^= w[n - 1];
    }
    joined(w)
}

/// The product of two elements of GHASH's field, whose bits are reversed in each byte.
fn ghash(a: u128, b: u128) -> u128 {
    let reversed = |v: u128| v.reverse_bits().swap_bytes();
    let (a, mut b, mut product) = (reversed(a), reversed(b), 0);
    for bit in 0..128 {
        if a >> bit & 1 != 0 {
            product ^= b;
        }
        let reduce = b >> 127 != 0;
        b = b << 1 ^ if reduce { 0x87 } else { 0 };
    }
    reversed(product)
}

/// SHA-256, or SHA-512 on elements of 64 bits.
struct Sha2(u32);

impl Sha2 {
    fn ror(&self, x: u64, n: u32) -> u64 {
        (x >> n | x << (self.0 - n)) & low(self.0)
    }
    fn choose(&self, small: [u32; 3], large: [u32; 3]) -> [u32; 3] {
        if self.0 == 32 { small } else { large }
    }
    fn rotations(&self, x: u64, [a, b, c]: [u32; 3]) -> u64 {
        self.ror(x, a) ^ self.ror(x, b) ^ self.ror(x, c)
    }
    fn shifted(&self, x: u64, [a, b, c]: [u32; 3]) -> u64 {
        self.ror(x, a) ^ self.ror(x, b) ^ x >> c
    }
    /// Four new words of the message: from words 0 to 3, then 4, 9, 10, 11, then 12 to 15.
    fn message(&self, first: [u64; 4], middle: [u64; 4], last: [u64; 4]) -> [u64; 4] {
        let old = [first[0], first[1], first[2], first[3], middle[0]];
        let mut new = [0; 4];
        for n in 0..4 {
            let two_before = if n < 2 { last[n + 2] } else { new[n - 2] };
            let seven_before = if n < 3 { middle[n + 1] } else { last[0] };
            let one = self.shifted(two_before, self.choose([17, 19, 10], [19, 61, 6]));
            let zero = self.shifted(old[n + 1], self.choose([7, 18, 3], [1, 8, 7]));
            new[n] = one.wrapping_add(seven_before).wrapping_add(zero).wrapping_add(old[n])
                & low(self.0);
        }
        new
    }
    /// Two rounds, from f, e, b, a and h, g, d, c and two words of the message with constants.
    fn rounds(&self, feba: [u64; 4], hgdc: [u64; 4], message: [u64; 2]) -> [u64; 4] {
        let [mut f, mut e, mut b, mut a] = feba;
        let [mut h, mut g, mut d, mut c] = hgdc;
        for word in message {
            let sum1 = self.rotations(e, self.choose([6, 11, 25], [14, 18, 41]));
            let sum0 = self.rotations(a, self.choose([2, 13, 22], [28, 34, 39]));
            let t1 = h.wrapping_add(sum1).wrapping_add(e & f ^ !e & g).wrapping_add(word);
            let t2 = sum0.wrapping_add(a & b ^ a & c ^ b & c);
            (h, g, f, e) = (g, f, e, d.wrapping_add(t1) & low(self.0));
            (d, c, b, a) = (c, b, a, t1.wrapping_add(t2) & low(self.0));
        }
        [f, e, b, a]
    }
}

impl Machine<'_> {
    /// Fails unless groups of `elements` of `width` bits fit.
    fn check_groups(&self, width: u32, elements: usize, sources: &[usize], apart: bool) -> Done {
        self.defined()?;
        require(self.sew() == width && self.kind.elements() as usize >= elements)?;
        require(self.vl.is_multiple_of(elements) && self.vstart.is_multiple_of(elements))?;
        let groups = match *sources {
            [] => return self.check(self.group(self.vd()), &[]),
            [only] => Sources::one(self.group(only)),
            [first, second, ..] => Sources::two(self.group(first), self.group(second)),
        };
        match apart {
            true => self.check_apart(self.group(self.vd()), &groups),
            false => self.check(self.group(self.vd()), &groups),
        }
    }
    /// Calls `group` for each group of 128 bits: the registers of vd's one and vs2's.
    fn each_group(&mut self, scalar: bool, mut group: impl FnMut(&mut Self, usize, usize)) {
        for n in self.vstart / 4..self.vl / 4 {
            let source = self.vs2() + if scalar { 0 } else { n };
            group(self, V0 + self.vd() + n, V0 + source);
        }
    }

    pub(super) fn cryptography(&mut self, op: Op) -> Done {
        let uimm = self.vs1();
        match op {
            Op::Sha2ms | Op::Sha2ch | Op::Sha2cl => return self.sha2(op),
            Op::Sm3c | Op::Sm3me => return self.sm3(op),
            Op::Ghsh | Op::Gmul => {
                let sources = [self.vs2(), uimm];
                let used = if op == Op::Ghsh { &sources[..] } else { &sources[..1] };
                self.check_groups(32, 4, used, false)?;
                self.each_group(false, |m, d, h| {
                    let n = d - V0 - m.vd();
                    let x = if op == Op::Ghsh { m.state.vec[V0 + uimm + n] } else { 0 };
                    m.state.vec[d] = ghash(m.state.vec[d] ^ x, m.state.vec[h]);
                });
                return Ok(());
            }
            _ => {}
        }
        // Forms .vs take one group for all.
        let scalar = self.bits(26, 1) != 0 && !matches!(op, Op::Aeskf1 | Op::Aeskf2 | Op::Sm4k);
        let sources = [self.vs2()];
        self.check_groups(32, 4, if scalar { &[] } else { &sources }, false)?;
        if scalar {
            require(!self.group(self.vd()).overlaps(Self::bits_of(self.vs2())))?;
        }
        self.each_group(scalar, |m, d, s| {
            let (old, source) = (m.state.vec[d], m.state.vec[s]);
            m.state.vec[d] = match op {
                Op::Aeskf1 | Op::Aeskf2 => aes_key(op, uimm & 15, source, old),
                Op::Sm4r => vector(VecOp::Sm4E, source, 0, old),
                Op::Sm4k => vector(VecOp::Sm4EKey, source, sm4_constants(uimm & 7), 0),
                _ => aes(op, old, source),
            };
        });
        Ok(())
    }

    /// VSM3ME and VSM3C: groups of eight words.
    fn sm3(&mut self, op: Op) -> Done {
        let (vd, vs1, vs2) = (self.vd(), self.vs1(), self.vs2());
        let sources = [vs2, vs1];
        self.check_groups(32, 8, if op == Op::Sm3me { &sources } else { &sources[..1] }, false)?;
        // (New words may replace those of vs1.)
        require(!self.group(vd).overlaps(self.group(vs2)))?;
        for n in self.vstart / 8..self.vl / 8 {
            let group =
                |register| std::array::from_fn(|i| self.get(register, 32, 8 * n + i) as u32);
            let result = match op {
                Op::Sm3me => sm3::message(group(vs1), group(vs2)),
                _ => sm3::compress(vs1 as u32, group(vd), group(vs2)),
            };
            for (i, value) in result.into_iter().enumerate() {
                self.set(vd, 32, 8 * n + i, value.into());
            }
        }
        Ok(())
    }

    fn sha2(&mut self, op: Op) -> Done {
        let (w, vd, vs1, vs2) = (self.sew(), self.vd(), self.vs1(), self.vs2());
        require(w == 32 || w == 64 && self.features.has(Features::ZVKNHB))?;
        self.check_groups(w, 4, &[vs2, vs1], true)?;
        let sha = Sha2(w);
        for n in self.vstart / 4..self.vl / 4 {
            let group = |register| std::array::from_fn(|i| self.get(register, w, 4 * n + i));
            let (d, a, b): ([u64; 4], [u64; 4], [u64; 4]) = (group(vd), group(vs2), group(vs1));
            let result = match op {
                Op::Sha2ms => sha.message(d, a, b),
                Op::Sha2ch => sha.rounds(a, d, [b[2], b[3]]),
                _ => sha.rounds(a, d, [b[0], b[1]]),
            };
            for (i, value) in result.into_iter().enumerate() {
                self.set(vd, w, 4 * n + i, value);
            }
        }
        Ok(())
    }
}

/// The four constants of a step of SM4's key schedule: each byte is 7 times its number.
fn sm4_constants(step: usize) -> u128 {
    let byte = |n: usize| (n * 7) as u32 & 0xff;
    joined(std::array::from_fn(|word| {
        (0..4).fold(0, |bytes, n| bytes << 8 | byte(16 * step + 4 * word + n))
    }))
}

/// SM3 works on big-endian words.
mod sm3 {
    const fn p0(x: u32) -> u32 {
        x ^ x.rotate_left(9) ^ x.rotate_left(17)
    }
    const fn p1(x: u32) -> u32 {
        x ^ x.rotate_left(15) ^ x.rotate_left(23)
    }

    /// Eight new words of the message: from words 0 to 7 and 8 to 15.
    pub(super) fn message(first: [u32; 8], second: [u32; 8]) -> [u32; 8] {
        let mut w = [0u32; 24];
        for n in 0..8 {
            w[n] = first[n].swap_bytes();
            w[n + 8] = second[n].swap_bytes();
        }
        for n in 16..24 {
            w[n] = p1(w[n - 16] ^ w[n - 9] ^ w[n - 3].rotate_left(15))
                ^ w[n - 13].rotate_left(7)
                ^ w[n - 6];
        }
        std::array::from_fn(|n| w[n + 16].swap_bytes())
    }

    /// Rounds `2 * step` and the next one, from A, B, ... H and words 0, 1 and 4, 5 of the message.
    pub(super) fn compress(step: u32, state: [u32; 8], message: [u32; 8]) -> [u32; 8] {
        let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = state.map(u32::swap_bytes);
        let w = message.map(u32::swap_bytes);
        for n in 0..2 {
            let j = 2 * step + n;
            let early = j < 16;
            let t: u32 = if early { 0x79cc_4519 } else { 0x7a87_9d8a };
            let turned = a.rotate_left(12);
            let ss1 = turned.wrapping_add(e).wrapping_add(t.rotate_left(j % 32)).rotate_left(7);
            let (ff, gg) = match early {
                true => (a ^ b ^ c, e ^ f ^ g),
                false => (a & b | a & c | b & c, e & f | !e & g),
            };
            let word = w[n as usize];
            let tt1 = ff
                .wrapping_add(d)
                .wrapping_add(ss1 ^ turned)
                .wrapping_add(word ^ w[n as usize + 4]);
            let tt2 = gg.wrapping_add(h).wrapping_add(ss1).wrapping_add(word);
            (d, c, b, a) = (c, b.rotate_left(9), a, tt1);
            (h, g, f, e) = (g, f.rotate_left(19), e, p0(tt2));
        }
        // The order in which the next step takes them.
        [a, b, c, d, e, f, g, h].map(u32::swap_bytes)
    }
}
