//! Just enough of an A64 assembler and ELF writer for the self-test's program, so that the tree
//! holds no binary. Encodings: Arm ARM "A64 instruction set encoding".

/// A position in the code, known or not yet.
#[derive(Clone, Copy)]
pub(super) struct Label(usize);

enum Fixup {
    /// ADR to byte `offset` of the data, which follows the code.
    Data { at: usize, offset: usize },
    /// A 19-bit word displacement at bit 5 (B.cond, CBZ, CBNZ).
    Branch19 { at: usize, label: Label },
    /// A 26-bit word displacement (B, BL).
    Branch26 { at: usize, label: Label },
}

/// Code being assembled. Registers are numbers; 31 is XZR or SP as in the manual.
#[derive(Default)]
pub(super) struct Assembler {
    words: Vec<u32>,
    data: Vec<u8>,
    labels: Vec<Option<usize>>,
    fixups: Vec<Fixup>,
}

impl Assembler {
    pub(super) fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }
    pub(super) fn place(&mut self, label: Label) {
        self.labels[label.0] = Some(self.words.len());
    }
    /// MOVZ Xd, #imm.
    pub(super) fn movz(&mut self, rd: u32, imm: u16) {
        self.words.push(0xd280_0000 | u32::from(imm) << 5 | rd);
    }
    /// MOVN Xd, #imm: Xd = !imm.
    pub(super) fn movn(&mut self, rd: u32, imm: u16) {
        self.words.push(0x9280_0000 | u32::from(imm) << 5 | rd);
    }
    /// MOV Xd, Xm.
    pub(super) fn mov(&mut self, rd: u32, rm: u32) {
        self.words.push(0xaa00_03e0 | rm << 16 | rd);
    }
    /// ADD Xd|SP, Xn|SP, #imm12.
    pub(super) fn add(&mut self, rd: u32, rn: u32, imm: u32) {
        self.words.push(0x9100_0000 | imm << 10 | rn << 5 | rd);
    }
    /// ADD Xd, Xn, Xm.
    pub(super) fn add_reg(&mut self, rd: u32, rn: u32, rm: u32) {
        self.words.push(0x8b00_0000 | rm << 16 | rn << 5 | rd);
    }
    /// SUB Xd|SP, Xn|SP, #imm12.
    pub(super) fn sub(&mut self, rd: u32, rn: u32, imm: u32) {
        self.words.push(0xd100_0000 | imm << 10 | rn << 5 | rd);
    }
    /// SUB Xd, Xn, Xm.
    pub(super) fn sub_reg(&mut self, rd: u32, rn: u32, rm: u32) {
        self.words.push(0xcb00_0000 | rm << 16 | rn << 5 | rd);
    }
    /// LDR Xt, [Xn|SP, #imm], imm a multiple of 8.
    pub(super) fn ldr(&mut self, rt: u32, rn: u32, imm: u32) {
        self.words.push(0xf940_0000 | imm / 8 << 10 | rn << 5 | rt);
    }
    /// LDR Wt, [Xn|SP, #imm], imm a multiple of 4.
    pub(super) fn ldr_w(&mut self, rt: u32, rn: u32, imm: u32) {
        self.words.push(0xb940_0000 | imm / 4 << 10 | rn << 5 | rt);
    }
    /// LDRB Wt, [Xn, #imm].
    pub(super) fn ldrb(&mut self, rt: u32, rn: u32, imm: u32) {
        self.words.push(0x3940_0000 | imm << 10 | rn << 5 | rt);
    }
    /// STR Xt, [Xn|SP, #imm], imm a multiple of 8.
    pub(super) fn str(&mut self, rt: u32, rn: u32, imm: u32) {
        self.words.push(0xf900_0000 | imm / 8 << 10 | rn << 5 | rt);
    }
    /// CBZ Xt, label.
    pub(super) fn cbz(&mut self, rt: u32, label: Label) {
        self.fixups.push(Fixup::Branch19 { at: self.words.len(), label });
        self.words.push(0xb400_0000 | rt);
    }
    /// CBNZ Xt, label.
    pub(super) fn cbnz(&mut self, rt: u32, label: Label) {
        self.fixups.push(Fixup::Branch19 { at: self.words.len(), label });
        self.words.push(0xb500_0000 | rt);
    }
    /// B label.
    pub(super) fn b(&mut self, label: Label) {
        self.fixups.push(Fixup::Branch26 { at: self.words.len(), label });
        self.words.push(0x1400_0000);
    }
    /// SVC #0 with the call's number in X8.
    pub(super) fn syscall(&mut self, number: u16) {
        self.movz(8, number);
        self.words.push(0xd400_0001);
    }
    /// ADR Xd, bytes: their address.
    pub(super) fn adr(&mut self, rd: u32, bytes: &[u8]) {
        self.fixups.push(Fixup::Data { at: self.words.len(), offset: self.data.len() });
        self.data.extend_from_slice(bytes);
        self.words.push(0x1000_0000 | rd);
    }

    /// The program as a static ELF executable loaded at `base`.
    ///
    /// # Panics
    /// If a label was never placed.
    pub(super) fn elf(mut self, base: u64) -> Vec<u8> {
        for fixup in &self.fixups {
            let displacement = |at: usize, label: &Label| {
                let to = self.labels[label.0].expect("every label is placed");
                (to as i64 - at as i64) as u32
            };
            match fixup {
                Fixup::Branch19 { at, label } => {
                    let d = displacement(*at, label) & 0x7_ffff;
                    self.words[*at] |= d << 5;
                }
                Fixup::Branch26 { at, label } => {
                    let d = displacement(*at, label) & 0x3ff_ffff;
                    self.words[*at] |= d;
                }
                Fixup::Data { at, offset } => {
                    let d = ((self.words.len() - at) * 4 + offset) as u32;
                    self.words[*at] |= (d & 3) << 29 | (d >> 2 & 0x7_ffff) << 5;
                }
            }
        }
        let headers = 64 + 56;
        let size = (headers + self.words.len() * 4 + self.data.len()) as u64;
        let mut out = Vec::with_capacity(size as usize);
        out.extend_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
        let half = |out: &mut Vec<u8>, v: u16| out.extend_from_slice(&v.to_le_bytes());
        let word = |out: &mut Vec<u8>, v: u32| out.extend_from_slice(&v.to_le_bytes());
        let long = |out: &mut Vec<u8>, v: u64| out.extend_from_slice(&v.to_le_bytes());
        half(&mut out, 2); // ET_EXEC
        half(&mut out, 183); // EM_AARCH64
        word(&mut out, 1);
        long(&mut out, base + headers as u64); // e_entry
        long(&mut out, 64); // e_phoff
        long(&mut out, 0);
        word(&mut out, 0);
        for v in [64, 56, 1, 64, 0, 0] {
            half(&mut out, v);
        }
        word(&mut out, 1); // PT_LOAD
        word(&mut out, 5); // R+X
        for v in [0, base, base, size, size, 0x1000] {
            long(&mut out, v);
        }
        for w in &self.words {
            word(&mut out, *w);
        }
        out.extend_from_slice(&self.data);
        out
    }
}
