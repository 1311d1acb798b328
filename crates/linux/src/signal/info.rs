//! Siginfo, whose layout is the same on all 64-bit guests and hosts.

/// `si_code` of signals sent by the kernel for no address.
pub(crate) const SI_KERNEL: i32 = 0x80;
/// Nothing is mapped there.
pub(crate) const SEGV_MAPERR: i32 = 1;

/// The kernel's siginfo.
#[derive(Clone, Copy, Debug)]
pub struct Info(pub [u8; 128]);

impl Info {
    /// Of a fault at `addr`.
    pub fn fault(signo: i32, code: i32, addr: u64) -> Self {
        let mut bytes = [0; 128];
        bytes[..4].copy_from_slice(&signo.to_le_bytes());
        bytes[8..12].copy_from_slice(&code.to_le_bytes());
        bytes[16..24].copy_from_slice(&addr.to_le_bytes());
        Self(bytes)
    }

    /// Of SIGSYS: the system call `number` before `pc` of a program of `arch` is not made.
    pub(crate) fn refused_call(code: i32, pc: u64, number: u64, arch: u32) -> Self {
        let mut info = Self::fault(libc::SIGSYS, code, pc);
        info.0[24..28].copy_from_slice(&(number as i32).to_le_bytes());
        info.0[28..32].copy_from_slice(&arch.to_le_bytes());
        info
    }

    /// Of a signal with these and the sender; its user is the present one.
    pub(crate) fn sent(signo: i32, code: i32, pid: i32) -> Self {
        let mut info = Self::fault(signo, code, 0);
        info.0[16..20].copy_from_slice(&pid.to_le_bytes());
        let user = sys::raw::call::<0>(libc::SYS_getuid, []).unwrap_or(0) as u32;
        info.0[20..24].copy_from_slice(&user.to_le_bytes());
        info
    }

    fn word(&self, at: usize) -> i32 {
        i32::from_le_bytes([self.0[at], self.0[at + 1], self.0[at + 2], self.0[at + 3]])
    }

    /// `si_code`.
    pub fn code(&self) -> i32 {
        self.word(8)
    }

    /// `si_pid` and `si_uid`, of signals that were sent.
    pub fn sender(&self) -> (i32, i32) {
        (self.word(16), self.word(20))
    }

    /// `si_addr`, of faults.
    pub fn addr(&self) -> u64 {
        u64::from(self.word(16) as u32) | u64::from(self.word(20) as u32) << 32
    }
}

#[cfg(test)]
mod tests {
    use super::Info;

    #[test]
    fn a_fault_has_its_address() {
        let info = Info::fault(11, 2, 0x1234_5678_9abc);
        assert_eq!((info.code(), info.addr()), (2, 0x1234_5678_9abc));
        assert_eq!(info.0[0], 11);
    }
}
