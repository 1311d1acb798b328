//! The operations of the vector extension: the name of an instruction without its operands' kinds.

macro_rules! ops {
    ($($class:ident { $($op:ident)* })*) => {
        /// What a vector instruction does.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u16)]
        pub(crate) enum Op { $($($op,)*)* }
        /// Which file executes it.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(crate) enum Class { $($class,)* }
        impl Op {
            const ALL: &'static [Self] = &[$($(Self::$op,)*)*];
            /// The file that executes it.
            pub(crate) const fn class(self) -> Class {
                match self { $($(Self::$op)|* => Class::$class,)* }
            }
        }
    };
}

ops! {
    Configuration { Setvl }
    Memory { Le Leff Se Lse Sse Lxei Sxei Lm Sm Lr Sr }
    Integer {
        Add Sub Rsub Minu Min Maxu Max And Or Xor Sll Srl Sra Nsrl Nsra Adc Madc Sbc Msbc
        Mseq Msne Msltu Mslt Msleu Msle Msgtu Msgt Divu Div Remu Rem Mulhu Mul Mulhsu Mulh
        Madd Nmsub Macc Nmsac Waddu Wadd Wsubu Wsub Wmulu Wmulsu Wmul Wmaccu Wmacc Wmaccus Wmaccsu
        ZextVf2 ZextVf4 ZextVf8 SextVf2 SextVf4 SextVf8
        Andn Brev8 Rev8 Brev Clz Ctz Cpop Rol Ror Wsll Clmul Clmulh
    }
    Fixed { Saddu Sadd Ssubu Ssub Smul Ssrl Ssra Nclipu Nclip Aaddu Aadd Asubu Asub }
    Float {
        Fadd Fsub Frsub Fmin Fmax Fsgnj Fsgnjn Fsgnjx Fmul Fdiv Frdiv
        Mfeq Mfne Mflt Mfle Mfgt Mfge Fmadd Fnmadd Fmsub Fnmsub Fmacc Fnmacc Fmsac Fnmsac
        Fwadd Fwsub Fwmul Fwmacc Fwnmacc Fwmsac Fwnmsac Fcvt Fncvtbf16 Fwcvtbf16 Fwmaccbf16 Fsqrt Frsqrt7 Frec7 Fclass
    }
    Reduction {
        Redsum Redand Redor Redxor Redminu Redmin Redmaxu Redmax Wredsumu Wredsum
        Fredusum Fredosum Fredmin Fredmax Fwredusum Fwredosum
    }
    Mask { Mandn Mand Mor Mxor Morn Mnand Mnor Mxnor Cpopm First Msbf Msif Msof Iota Id }
    Permutation {
        Merge Fmerge Mv Fmv MvXS MvSX FmvFS FmvSF MvR Slideup Slidedown
        Slide1up Slide1down Fslide1up Fslide1down Rgather Rgatherei16 Compress
    }
    Crypto {
        Aesef Aesem Aesdf Aesdm Aesz Aeskf1 Aeskf2 Ghsh Gmul Sha2ms Sha2ch Sha2cl Sm4r Sm4k Sm3me Sm3c
    }
}

impl Op {
    /// The operation of this number.
    pub(crate) fn from_number(n: u32) -> Option<Self> {
        Self::ALL.get(n as usize).copied()
    }
    /// How much narrower the source of an extension is.
    pub(super) const fn extension(self) -> Option<u32> {
        match self {
            Self::ZextVf2 | Self::SextVf2 => Some(2),
            Self::ZextVf4 | Self::SextVf4 => Some(4),
            Self::ZextVf8 | Self::SextVf8 => Some(8),
            _ => None,
        }
    }
    /// Whether the floating-point result is twice as wide.
    pub(super) const fn widens(self) -> bool {
        matches!(
            self,
            Self::Fwadd
                | Self::Fwsub
                | Self::Fwmul
                | Self::Fwmacc
                | Self::Fwnmacc
                | Self::Fwmsac
                | Self::Fwnmsac
        )
    }
    /// Whether it multiplies and adds.
    pub(super) const fn fuses(self) -> bool {
        matches!(
            self,
            Self::Fmadd
                | Self::Fnmadd
                | Self::Fmsub
                | Self::Fnmsub
                | Self::Fmacc
                | Self::Fnmacc
                | Self::Fmsac
                | Self::Fnmsac
        )
    }
}
