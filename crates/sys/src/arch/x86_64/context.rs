//! The registers that a signal has interrupted: the kernel's signal frame.
#![expect(unsafe_code, reason = "the kernel's signal frame")]

#[repr(C)]
struct RawContext {
    flags: u64,
    link: u64,
    stack: [u64; 3],
    regs: [u64; 23],
    fp: *mut FpState,
    reserved: [u64; 8],
    mask: u64,
}

#[repr(C)]
struct FpState {
    x87: [u8; 24],
    mxcsr: u32,
    mxcsr_mask: u32,
    st: [u8; 128],
    xmm: [u128; 16],
}

const _: () = assert!(core::mem::offset_of!(RawContext, mask) == 296);
const _: () = assert!(core::mem::offset_of!(FpState, xmm) == 160);

const EFLAGS: usize = 17;
const ERR: usize = 19;
const RIP: usize = 16;
const RSP: usize = 15;
/// Index in the kernel's order of the register with encoding 0, 1, ...
const ORDER: [usize; 16] = [13, 14, 12, 11, 15, 10, 9, 8, 0, 1, 2, 3, 4, 5, 6, 7];

/// The registers that a signal interrupted, as the kernel will restore them.
pub struct Context {
    raw: *mut RawContext,
}

impl Context {
    /// From a handler's third argument.
    ///
    /// # Safety
    /// It must be that, and the handler still running.
    pub unsafe fn new(raw: *mut core::ffi::c_void) -> Self {
        Self { raw: raw.cast() }
    }
    fn reg(&self, index: usize) -> u64 {
        // SAFETY: `new`'s caller has promised that the frame is there.
        unsafe { (*self.raw).regs[index] }
    }
    fn set_reg(&mut self, index: usize, value: u64) {
        // SAFETY: as in `reg`.
        unsafe { (*self.raw).regs[index] = value };
    }
    /// The program counter.
    pub fn pc(&self) -> u64 {
        self.reg(RIP)
    }
    /// Sets it.
    pub fn set_pc(&mut self, pc: u64) {
        self.set_reg(RIP, pc);
    }
    /// The stack pointer.
    pub fn sp(&self) -> u64 {
        self.reg(RSP)
    }
    /// Sets it.
    pub fn set_sp(&mut self, sp: u64) {
        self.set_reg(RSP, sp);
    }
    /// General register `n` (as encoded in instructions).
    pub fn int(&self, n: u8) -> u64 {
        self.reg(ORDER[usize::from(n & 15)])
    }
    /// Sets it.
    pub fn set_int(&mut self, n: u8, value: u64) {
        self.set_reg(ORDER[usize::from(n & 15)], value);
    }
    /// Vector register `n`, low 128 bits.
    pub fn vec(&self, n: u8) -> u128 {
        // SAFETY: the kernel always saves the legacy area on x86-64; its alignment is 16 at least.
        unsafe { (*(*self.raw).fp).xmm[usize::from(n & 15)] }
    }
    /// The arithmetic flags register.
    pub fn flags(&self) -> u64 {
        self.reg(EFLAGS)
    }
    /// Sets it.
    pub(super) fn set_flags(&mut self, flags: u64) {
        self.set_reg(EFLAGS, flags);
    }
    /// What XSAVE has stored.
    pub(super) fn area(&self) -> *const u8 {
        // SAFETY: as in `reg`.
        unsafe { (*self.raw).fp.cast_const().cast() }
    }
    /// The floating-point control and status register.
    pub fn fp_control(&self) -> u32 {
        // SAFETY: as in `vec`.
        unsafe { (*(*self.raw).fp).mxcsr }
    }
    /// Sets it.
    pub fn set_fp_control(&mut self, value: u32) {
        // SAFETY: as in `vec`.
        unsafe { (*(*self.raw).fp).mxcsr = value };
    }
    /// True if a page fault was a write.
    pub fn is_write(&self) -> bool {
        self.reg(ERR) & 2 != 0
    }
    /// The signal mask that will be restored.
    pub fn mask(&self) -> u64 {
        // SAFETY: as in `reg`.
        unsafe { (*self.raw).mask }
    }
    /// Sets it.
    pub fn set_mask(&mut self, mask: u64) {
        // SAFETY: as in `reg`.
        unsafe { (*self.raw).mask = mask };
    }
    /// Makes the interrupted function return two values to its caller, through `pc`, which must be
    /// code that does nothing else than return.
    pub fn return_pair(&mut self, pc: u64, first: u64, second: u64) {
        self.set_int(0, first);
        self.set_int(2, second);
        self.set_pc(pc);
    }
}
