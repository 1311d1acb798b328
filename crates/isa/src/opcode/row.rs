//! One line.

use crate::Status;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[expect(missing_docs, reason = "what is not explained is its word")]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// All, with their words in the file.
            pub const ALL: &'static [(Self, &'static str)] = &[$((Self::$variant, $word),)*];
            /// That of `word`.
            pub fn named(word: &str) -> Option<Self> {
                Self::ALL.iter().find(|(_, w)| *w == word).map(|(v, _)| *v)
            }
            /// Its word.
            pub fn word(self) -> &'static str {
                Self::ALL.iter().find(|(v, _)| *v == self).map_or("", |(_, w)| w)
            }
        }
    };
}

words! {
    /// The length that a VEX prefix must give.
    Vex { V128 = "v128", V256 = "v256", Either = "vx", Ignored = "vlig", }
}

words! {
    /// What is said of the prefixes 66, F2 and F3.
    Prefix { None = "np", NoRepeat = "nr", Size = "66", F3 = "f3", F2 = "f2", }
}

words! {
    /// A map of opcodes.
    Map { Short = "", Two = "0f", Three38 = "0f38", Three3a = "0f3a", }
}

words! {
    /// What the lowest bits of the opcode say.
    Suffix { Nothing = "", Width = "w", Register = "r", Condition = "cc", }
}

impl Suffix {
    /// How many opcodes there are.
    pub fn opcodes(self) -> u8 {
        match self {
            Self::Nothing => 1,
            Self::Width => 2,
            Self::Register => 8,
            Self::Condition => 16,
        }
    }
}

/// The byte behind the opcode.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Modrm {
    /// There is none.
    None,
    /// Its middle field is a register, or ignored.
    Any,
    /// Its middle field.
    Middle(u8),
    /// All of it.
    Whole(u8),
}

words! {
    /// What an operand is.
    Kind {
        /// General register or memory, by ModRM.
        E = "E",
        /// General register, the middle field of ModRM.
        G = "G",
        /// Memory, by ModRM.
        M = "M",
        /// General register, by ModRM.
        R = "R",
        /// As `R`, of any ModRM.
        RAny = "RM",
        /// General register, VEX.vvvv.
        B = "B",
        /// General register, the opcode's lowest bits.
        Z = "Z",
        /// Zero-extended immediate.
        I = "I",
        /// Sign-extended immediate.
        Is = "Is",
        /// Relative branch.
        J = "J",
        /// Far pointer.
        A = "A",
        /// Memory at an absolute address.
        O = "O",
        /// Memory at (e)si.
        X = "X",
        /// Memory at es:(e)di.
        Y = "Y",
        /// Memory at ds:(e)di.
        Yd = "YD",
        /// Memory at (e)bx + al.
        Xlat = "Xlat",
        /// Vector register, the middle field.
        V = "V",
        /// Vector register or memory.
        W = "W",
        /// Vector register, by ModRM.
        U = "U",
        /// Vector register, VEX.vvvv.
        H = "H",
        /// Vector register, bits 7 to 4 of an immediate byte.
        L = "L",
        /// Memory with a vector of indices.
        Vm = "Vm",
        /// MMX register, the middle field.
        P = "P",
        /// MMX register or memory.
        Q = "Q",
        /// MMX register, by ModRM.
        N = "N",
        /// Register of the x87 stack, by ModRM.
        T = "T",
        /// Top of the x87 stack.
        T0 = "T0",
        /// Segment register, the middle field.
        S = "S",
        /// Control register, the middle field.
        Cr = "Cr",
        /// Debug register, the middle field.
        Dr = "Dr",
        /// The constant 1.
        One = "1",
        /// XMM0.
        V0 = "V0",
        Ah = "AH",
        Ax = "AX",
        Cx = "CX",
        Dx = "DX",
        Bx = "BX",
        Sp = "SP",
        Bp = "BP",
        Si = "SI",
        Di = "DI",
        R11 = "R11",
        Es = "ES",
        Cs = "CS",
        Ss = "SS",
        Ds = "DS",
        Fs = "FS",
        Gs = "GS",
    }
}

words! {
    /// How large an operand is.
    Size {
        /// That of the kind, or nothing is accessed.
        None = "",
        B = "b",
        W = "w",
        D = "d",
        Q = "q",
        /// 10 bytes.
        T = "t",
        /// 16 bytes.
        O = "o",
        /// 32 bytes.
        Y2 = "yy",
        /// The operand size: 2, 4 or 8.
        V = "v",
        /// As `v`, but at most 4.
        Z = "z",
        /// 8 with REX.W, else 4.
        Y = "y",
        /// The length of vectors.
        X = "x",
        /// Half of it.
        H = "h",
        /// A quarter.
        F = "f",
        /// An eighth.
        E = "e",
        /// A far pointer: the operand size and 2.
        P = "p",
        /// The address size.
        A = "a",
        /// 28 or 14 bytes, the x87 environment.
        Env = "env",
        /// 108 or 94 bytes, the x87 state.
        State = "st",
        /// 512 bytes.
        Fx = "fx",
        /// Twice the operand size.
        V2 = "2v",
        /// Of a register as `y`, of memory 1, 2 or 4.
        YByte = "yb",
        YWord = "yw",
        YDouble = "yd",
        /// Of a register as `v`, of memory 2.
        VWord = "vw",
        /// A limit and an address.
        Table = "dt",
        /// 8 in 64-bit mode, else 4.
        S = "s",
    }
}

/// How an operand is accessed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Access {
    /// It is read.
    pub read: bool,
    /// It is written.
    pub write: bool,
    /// Perhaps only.
    pub perhaps: bool,
}

/// An operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OperandRule {
    /// How it is accessed.
    pub access: Access,
    /// What it is.
    pub kind: Kind,
    /// How large it is.
    pub size: Size,
}

/// What happens to flags, each as a set of bits: C 0, P 2, A 4, Z 6, S 7, I 9, D 10, O 11, and x87's
/// condition codes 0 to 3 as bits 12 to 15.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flags {
    /// Read.
    pub read: u16,
    /// Written by the result.
    pub written: u16,
    /// Cleared.
    pub zero: u16,
    /// Set.
    pub one: u16,
    /// Undefined.
    pub undefined: u16,
    /// The tests of the condition in the opcode.
    pub condition: bool,
    /// All are kept when the count is 0.
    pub kept_at_zero: bool,
    /// Floating-point exceptions.
    pub exceptions: &'static str,
}

words! {
    /// Marks.
    Mark {
        Lock = "lock", Repeat = "rep", Default64 = "d64", Force64 = "f64", Not64 = "i64",
        Only64 = "o64", NoB = "norexb", Unaligned = "unal", Aligned = "al", NotNative = "!native",
        Register = "reg",
    }
}

/// An instruction's encodings.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// The group it is listed in.
    pub section: &'static str,
    /// For what has a VEX prefix.
    pub vex: Option<Vex>,
    /// What it says of prefixes.
    pub prefix: Option<Prefix>,
    /// Map of the opcode.
    pub map: Map,
    /// REX.W or VEX.W, if it matters.
    pub w: Option<bool>,
    /// The first opcode.
    pub opcode: u8,
    /// What its lowest bits say.
    pub suffix: Suffix,
    /// The byte behind it.
    pub modrm: Modrm,
    /// The operands in assembly's order, destination first.
    pub operands: Vec<OperandRule>,
    /// Those that are not written.
    pub implied: Vec<OperandRule>,
    /// What happens to flags.
    pub flags: Flags,
    /// Features, all of which it needs.
    pub features: Vec<&'static str>,
    /// Marks.
    pub marks: Vec<Mark>,
    /// Whether guests can execute it.
    pub status: Status,
    /// The function that translates it, and what that is told; None if none does yet.
    pub function: Option<(&'static str, &'static str)>,
    /// The mnemonic.
    pub heading: &'static str,
}

impl Row {
    /// Whether it has this mark.
    pub fn has(&self, mark: Mark) -> bool {
        self.marks.contains(&mark)
    }
    /// Whether ModRM must name memory (true) or a register (false), if either.
    pub fn memory(&self) -> Option<bool> {
        if self.has(Mark::Register) {
            return Some(false);
        }
        self.operands.iter().chain(&self.implied).find_map(|o| match o.kind {
            Kind::M | Kind::Vm => Some(true),
            Kind::R | Kind::U | Kind::N | Kind::T => Some(false),
            _ => None,
        })
    }
    /// Whether it has an operand of this kind.
    pub fn has_kind(&self, kind: Kind) -> bool {
        self.operands.iter().any(|o| o.kind == kind)
    }
    /// Whether it is in 64-bit mode.
    pub fn in_long_mode(&self) -> bool {
        !self.has(Mark::Not64)
    }
    /// Its features, as documents name them.
    pub fn feature_text(&self) -> String {
        self.features.join(", ")
    }
}
