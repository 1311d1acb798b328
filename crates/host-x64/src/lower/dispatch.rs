//! Which function lowers which operation. The compiler makes one table of jumps of these functions.

use crate::lower::Lower;
use ir::{FpRules, Op, OpCode, SWAP, Ty, VecOp, WRAP32};

impl Lower<'_> {
    /// Lowers one operation.
    #[inline(always)]
    pub(super) fn op(&mut self, op: Op) {
        match op.code {
            OpCode::Insn => self.guest = op.imm as u32,
            OpCode::Label => self.label(op.imm),
            OpCode::Br => self.br(op.imm),
            OpCode::BrCond => self.br_cond(op),
            OpCode::BrCmp => self.br_cmp(op),
            OpCode::BrBit => self.br_bit(op),
            OpCode::Poll => self.poll(),
            OpCode::Check => self.check(op),
            OpCode::ExitDirect => self.exit_direct(op),
            OpCode::ExitIndirect => self.exit_indirect(op),
            OpCode::CallIndirect => self.call_indirect(op),
            OpCode::Syscall => self.syscall(op),
            OpCode::Trap => self.trap(op),
            OpCode::Runtime => self.runtime(op),
            OpCode::RuntimeCall => self.runtime_call(op),
            OpCode::HostTime => self.host_time(op),
            OpCode::HostCpu => self.host_cpu(),
            OpCode::HasCode => self.has_code(op),
            OpCode::Counter => self.counter(op),
            OpCode::Cas | OpCode::LdEx | OpCode::StEx
                if op.is_16_bytes() && op.aux & (SWAP | WRAP32) != 0 =>
            {
                self.out_of_registers();
            }
            OpCode::Ld => self.ld(op),
            OpCode::St => self.st(op),
            OpCode::LdV => self.ld_v(op),
            OpCode::StV => self.st_v(op),
            OpCode::Rmw => self.rmw(op),
            OpCode::Cas => self.cas(op),
            OpCode::LdEx => self.ld_ex(op),
            OpCode::StEx => self.st_ex(op),
            OpCode::ClrEx => self.clr_ex(),
            OpCode::Fence => self.fence(op),
            OpCode::ZeroBlock => self.zero_block(op),
            OpCode::IntToVec => self.int_to_vec(op),
            OpCode::VecToInt => self.vec_to_int(op),
            OpCode::VecMask => self.vec_mask(op),
            OpCode::VecTestSix => self.vec_test_six(op),
            OpCode::VecTextIndex => self.vec_text_index(op),
            OpCode::VecFromPair => self.vec_from_pair(op),
            OpCode::MovV => self.mov_v(op),
            OpCode::Vec => self.vector_op(op),
            _ => self.integer_op(op),
        }
    }
    #[inline(always)]
    fn integer_op(&mut self, op: Op) {
        match op.code {
            OpCode::Mov => self.int_mov(op),
            OpCode::Add => self.add(op),
            OpCode::Sub => self.sub(op),
            OpCode::And
            | OpCode::Or
            | OpCode::Xor
            | OpCode::AndNot
            | OpCode::OrNot
            | OpCode::XorNot => self.logic(op),
            OpCode::ReadFlags | OpCode::WriteFlags if op.has_six_flags() => self.helper(op),
            _ if op.has_six_flags() => self.six_flags(op),
            OpCode::OrS
            | OpCode::XorS
            | OpCode::IncS
            | OpCode::DecS
            | OpCode::ShiftS
            | OpCode::ShiftKeepS
            | OpCode::ShiftPairS
            | OpCode::SetC
            | OpCode::MulS => self.helper(op),
            OpCode::AddS | OpCode::SubS | OpCode::AndS | OpCode::AndNotS => self.flag_setting(op),
            OpCode::Adc | OpCode::Sbc | OpCode::AdcS | OpCode::SbcS => self.with_carry(op),
            OpCode::Mul => self.mul(op),
            OpCode::MulHiS | OpCode::MulHiU => self.mul_high(op),
            OpCode::MulWideS | OpCode::MulWideU => self.mul_wide(op),
            OpCode::DivS | OpCode::DivU | OpCode::RemS | OpCode::RemU => self.divide(op),
            OpCode::DivWideU | OpCode::RemWideU => self.divide_wide(op),
            OpCode::MulHiSU if op.ty == Ty::I64 => self.mul_high_mixed(op),
            OpCode::Deposit | OpCode::Extract => self.chosen_bits(op),
            OpCode::OrcB => self.or_combine(op),
            OpCode::Brev8 => self.reverse_bits_of_bytes(op),
            OpCode::Xperm8 => self.permute_bytes(op),
            OpCode::ClMul | OpCode::ClMulH | OpCode::ClMulR => {
                if !self.mul_carryless(op) {
                    self.helper(op);
                }
            }
            OpCode::SelCmp => self.select_compared(op),
            OpCode::Shl | OpCode::Shr | OpCode::Sar | OpCode::Ror => self.shift(op),
            OpCode::Not => self.not(op),
            OpCode::Clz | OpCode::Cls | OpCode::Ctz | OpCode::Popcnt => self.bit_count(op),
            OpCode::Abs => self.abs(op),
            OpCode::MaxS | OpCode::MinS | OpCode::MaxU | OpCode::MinU => self.min_max(op),
            OpCode::Rbit => self.reverse_bits(op),
            OpCode::Rev | OpCode::Rev16 | OpCode::Rev32 => self.reverse_bytes(op),
            OpCode::SExt8 | OpCode::SExt16 | OpCode::SExt32 | OpCode::ZExt8 | OpCode::ZExt16 => {
                self.extend(op);
            }
            OpCode::Ubfx | OpCode::Sbfx => self.field_extract(op),
            OpCode::Ubfiz | OpCode::Sbfiz => self.field_place(op),
            OpCode::Bfi | OpCode::Bfxil => self.field_insert(op),
            OpCode::Extr => self.extract_pair(op),
            OpCode::Crc32c => self.crc32c(op),
            OpCode::Crc32 => self.crc32(op),
            OpCode::Sel | OpCode::SelInc | OpCode::SelInv | OpCode::SelNeg => self.select_op(op),
            OpCode::SetCond | OpCode::SetMask => self.set_cond(op),
            OpCode::CcmpSub | OpCode::CcmpAdd => self.ccmp(op),
            OpCode::ReadFlags => self.read_flags(op),
            OpCode::WriteFlags => self.write_flags(op),
            OpCode::SetCmp => self.set_cmp(op),
            _ => self.float_op(op),
        }
    }
    /// Scalar floating point. What remains is for the evaluator.
    #[inline(always)]
    fn float_op(&mut self, op: Op) {
        match op.code {
            OpCode::FBox => self.box_value(op),
            OpCode::FClass | OpCode::FCmpSet | OpCode::FCopySign => {
                if !(self.is_canonical() && self.canonical(op)) {
                    self.helper(op);
                }
            }
            OpCode::FAdd
            | OpCode::FSub
            | OpCode::FMul
            | OpCode::FNMul
            | OpCode::FDiv
            | OpCode::FSqrt
            | OpCode::FMax
            | OpCode::FMin
            | OpCode::FMaxNm
            | OpCode::FMinNm
            | OpCode::FMulAdd
            | OpCode::FRound
            | OpCode::FRoundInt
            | OpCode::FCvt
            | OpCode::FToInt
            | OpCode::FToIntV
            | OpCode::IntToF
            | OpCode::IntVToF
            | OpCode::FJcvt
            | OpCode::FCmp
            | OpCode::FCmpSix
            | OpCode::FCcmp => {
                // Integers become the same numbers under every control.
                let any = matches!(op.code, OpCode::IntToF | OpCode::IntVToF);
                let exact = !any && self.is_exact();
                if self.has_own_rules() {
                    if !self.own_scalar(op) {
                        self.own_helper(op);
                    }
                    return;
                }
                if !match () {
                    () if self.is_canonical() => self.canonical(op),
                    () if self.block.fp != FpRules::default() => false,
                    () if exact => self.quiet(op),
                    () => self.lower_fp(op),
                } {
                    self.helper(op);
                }
            }
            OpCode::FAbs | OpCode::FNeg => {
                if !self.lower_fp(op) {
                    self.helper(op);
                }
            }
            OpCode::ReadFpStatus => self.read_fp_status(op),
            OpCode::WriteFpStatus => self.write_fp_status(op),
            _ => self.helper(op),
        }
    }
    fn vector_op(&mut self, op: Op) {
        let v = VecOp::from_u16(op.aux);
        if v.is_float() && self.has_own_rules() {
            if !self.own_lanes(op) {
                self.own_helper(op);
            }
            return;
        }
        // (Among the controls of guests with one NaN is a rounding that the host does not have.)
        let single = v == VecOp::IntToF && ir::vec_op::lane(op.imm) >= 2 && !self.is_canonical();
        let exact = v.is_float() && !single && self.is_exact();
        if !match () {
            () if v.is_float() && self.is_canonical() => !exact && self.canonical_lanes(op),
            () if self.other_rules(op) => false,
            () if exact => self.quiet(op),
            () => self.lower_vec(op),
        } {
            self.helper(op);
        }
    }
}
