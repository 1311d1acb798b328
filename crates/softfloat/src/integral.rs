//! Rounding to integral values.

use crate::format::Class;
use crate::round::to_integer;
use crate::{Format, Fp, IOC, IXC, Round};

impl Fp {
    /// FPRoundInt: FRINT; raises Inexact only if `exact`.
    pub fn round_int(&mut self, f: Format, a: u64, mode: Round, exact: bool) -> u64 {
        let u = self.unpack(f, a);
        match u.class {
            Class::Quiet | Class::Signalling => self.nan(f, &u),
            Class::Infinity => f.infinity(u.sign),
            Class::Zero => f.zero(u.sign),
            Class::Finite if u.exp >= 0 => u.raw,
            Class::Finite => {
                let (int, inexact) = to_integer(u.sign, u.exp, u.sig, mode);
                if inexact && exact {
                    self.raise(IXC);
                }
                self.integral(f, u.sign, int.unwrap_or(0))
            }
        }
    }

    /// FPRoundIntN: FRINT32 and FRINT64.
    pub fn round_int_n(&mut self, f: Format, a: u64, mode: Round, size: u32) -> u64 {
        let u = self.unpack(f, a);
        let (int, inexact) = match u.class {
            Class::Zero => return f.zero(u.sign),
            Class::Finite => to_integer(u.sign, u.exp, u.sig, mode),
            _ => (None, false),
        };
        let limit = (1u128 << (size - 1)) - u128::from(!u.sign);
        match int {
            Some(int) if int <= limit => {
                if inexact {
                    self.raise(IXC);
                }
                self.integral(f, u.sign, int)
            }
            _ => {
                self.raise(IOC);
                let bias = (1 << (f.exp - 1)) - 1;
                f.pack(true, bias + u64::from(size) - 1, 0)
            }
        }
    }

    fn integral(&mut self, f: Format, sign: bool, int: u128) -> u64 {
        if int == 0 { f.zero(sign) } else { self.round(f, sign, 0, int, Round::Zero) }
    }
}
