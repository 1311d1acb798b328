//! Slots of registers that only this guest has. (rax to r15 are 0 to 15, as they are numbered; xmm0 to xmm15
//! are the first vector slots.)

use ir::Ref;
use ir::state::FIRST_VEC;

/// Zero, or minus two if strings go down.
pub const SLOT_DIRECTION: u16 = 16;
/// The base of GS. (That of FS is the thread pointer.)
pub const SLOT_GS: u16 = 17;
/// The flags that are neither of arithmetic nor that of direction, where RFLAGS has them.
pub const SLOT_FLAGS: u16 = 18;
/// The x87's control word.
pub const SLOT_X87_CONTROL: u16 = 20;
/// Its status word.
pub const SLOT_X87_STATUS: u16 = 21;
/// A bit for each of its registers that is not empty.
pub const SLOT_X87_TAGS: u16 = 22;
/// The last instruction's opcode.
pub const SLOT_X87_OPCODE: u16 = 23;
/// Its address.
pub const SLOT_X87_PC: u16 = 24;
/// The address of its operand.
pub const SLOT_X87_DATA: u16 = 25;

/// Instructions that the program has had refused to itself: [`REFUSES_TIME`], [`REFUSES_CPUID`].
pub const SLOT_REFUSED: u16 = 26;
/// RDTSC and RDTSCP.
pub const REFUSES_TIME: u64 = 1;
/// CPUID.
pub const REFUSES_CPUID: u64 = 2;

/// The upper halves of ymm0 to ymm15.
pub const FIRST_HIGH: u16 = FIRST_VEC + 16;
/// The x87's registers, as they are numbered (not from the top of the stack), which are the MMX registers.
pub const FIRST_X87: u16 = FIRST_VEC + 32;

/// Registers by their numbers.
pub(crate) const RAX: Ref = Ref::slot(0);
pub(crate) const RCX: Ref = Ref::slot(1);
pub(crate) const RDX: Ref = Ref::slot(2);
pub(crate) const RBX: Ref = Ref::slot(3);
pub(crate) const RSP: Ref = Ref::slot(4);
pub(crate) const RBP: Ref = Ref::slot(5);
pub(crate) const RSI: Ref = Ref::slot(6);
pub(crate) const RDI: Ref = Ref::slot(7);
pub(crate) const DIRECTION: Ref = Ref::slot(SLOT_DIRECTION);
pub(crate) const FLAGS: Ref = Ref::slot(SLOT_FLAGS);
