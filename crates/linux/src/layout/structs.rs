//! Generated from isa/linux.structs by `cargo xtask codegen`: structures of system calls.

use super::{Cursor, Struct};

/// `struct int`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Int {
    pub(crate) value: i32,
}

impl Struct for Int {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.number(&mut self.value);
    }
    fn show(&self) -> String {
        format!("[{}]", self.value)
    }
}

/// `struct uint`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Uint {
    pub(crate) value: u32,
}

impl Struct for Uint {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.number(&mut self.value);
    }
    fn show(&self) -> String {
        format!("[{}]", self.value)
    }
}

/// `struct word`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) value: u64,
}

impl Struct for Word {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.word(&mut self.value);
    }
    fn show(&self) -> String {
        format!("[{}]", self.value)
    }
}

/// `struct offset`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offset {
    pub(crate) value: i64,
}

impl Struct for Offset {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.number(&mut self.value);
    }
    fn show(&self) -> String {
        format!("[{}]", self.value)
    }
}

/// `struct id64`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Id64 {
    pub(crate) value: u64,
}

impl Struct for Id64 {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.number(&mut self.value);
    }
    fn show(&self) -> String {
        format!("[{}]", self.value)
    }
}

/// `struct timespec`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Timespec {
    pub(crate) tv_sec: i64,
    pub(crate) tv_nsec: i64,
}

impl Struct for Timespec {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.signed_word(&mut self.tv_sec);
        cursor.signed_word(&mut self.tv_nsec);
    }
    fn show(&self) -> String {
        format!("{{tv_sec={}, tv_nsec={}}}", self.tv_sec, self.tv_nsec)
    }
}

/// `struct timeval`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Timeval {
    pub(crate) tv_sec: i64,
    pub(crate) tv_usec: i64,
}

impl Struct for Timeval {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.signed_word(&mut self.tv_sec);
        cursor.signed_word(&mut self.tv_usec);
    }
    fn show(&self) -> String {
        format!("{{tv_sec={}, tv_usec={}}}", self.tv_sec, self.tv_usec)
    }
}

/// `struct timezone`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Timezone {
    pub(crate) tz_minuteswest: i32,
    pub(crate) tz_dsttime: i32,
}

impl Struct for Timezone {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.number(&mut self.tz_minuteswest);
        cursor.number(&mut self.tz_dsttime);
    }
    fn show(&self) -> String {
        format!("{{tz_minuteswest={}, tz_dsttime={}}}", self.tz_minuteswest, self.tz_dsttime)
    }
}

/// `struct itimerval`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Itimerval {
    pub(crate) it_interval: Timeval,
    pub(crate) it_value: Timeval,
}

impl Struct for Itimerval {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.structure(&mut self.it_interval);
        cursor.structure(&mut self.it_value);
    }
    fn show(&self) -> String {
        format!("{{it_interval={}, it_value={}}}", self.it_interval.show(), self.it_value.show())
    }
}

/// `struct itimerspec`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Itimerspec {
    pub(crate) it_interval: Timespec,
    pub(crate) it_value: Timespec,
}

impl Struct for Itimerspec {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.structure(&mut self.it_interval);
        cursor.structure(&mut self.it_value);
    }
    fn show(&self) -> String {
        format!("{{it_interval={}, it_value={}}}", self.it_interval.show(), self.it_value.show())
    }
}

/// `struct tms`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tms {
    pub(crate) tms_utime: i64,
    pub(crate) tms_stime: i64,
    pub(crate) tms_cutime: i64,
    pub(crate) tms_cstime: i64,
}

impl Struct for Tms {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.signed_word(&mut self.tms_utime);
        cursor.signed_word(&mut self.tms_stime);
        cursor.signed_word(&mut self.tms_cutime);
        cursor.signed_word(&mut self.tms_cstime);
    }
    fn show(&self) -> String {
        format!("{{tms_utime={}, tms_stime={}, tms_cutime={}, tms_cstime={}}}", self.tms_utime, self.tms_stime, self.tms_cutime, self.tms_cstime)
    }
}

/// `struct rusage`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rusage {
    pub(crate) ru_utime: Timeval,
    pub(crate) ru_stime: Timeval,
    pub(crate) ru_maxrss: i64,
    pub(crate) ru_ixrss: i64,
    pub(crate) ru_idrss: i64,
    pub(crate) ru_isrss: i64,
    pub(crate) ru_minflt: i64,
    pub(crate) ru_majflt: i64,
    pub(crate) ru_nswap: i64,
    pub(crate) ru_inblock: i64,
    pub(crate) ru_oublock: i64,
    pub(crate) ru_msgsnd: i64,
    pub(crate) ru_msgrcv: i64,
    pub(crate) ru_nsignals: i64,
    pub(crate) ru_nvcsw: i64,
    pub(crate) ru_nivcsw: i64,
}

impl Struct for Rusage {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.structure(&mut self.ru_utime);
        cursor.structure(&mut self.ru_stime);
        cursor.signed_word(&mut self.ru_maxrss);
        cursor.signed_word(&mut self.ru_ixrss);
        cursor.signed_word(&mut self.ru_idrss);
        cursor.signed_word(&mut self.ru_isrss);
        cursor.signed_word(&mut self.ru_minflt);
        cursor.signed_word(&mut self.ru_majflt);
        cursor.signed_word(&mut self.ru_nswap);
        cursor.signed_word(&mut self.ru_inblock);
        cursor.signed_word(&mut self.ru_oublock);
        cursor.signed_word(&mut self.ru_msgsnd);
        cursor.signed_word(&mut self.ru_msgrcv);
        cursor.signed_word(&mut self.ru_nsignals);
        cursor.signed_word(&mut self.ru_nvcsw);
        cursor.signed_word(&mut self.ru_nivcsw);
    }
    fn show(&self) -> String {
        format!("{{ru_utime={}, ru_stime={}, ru_maxrss={}, ru_ixrss={}, ru_idrss={}, ru_isrss={}, ru_minflt={}, ru_majflt={}, ru_nswap={}, ru_inblock={}, ru_oublock={}, ru_msgsnd={}, ru_msgrcv={}, ru_nsignals={}, ru_nvcsw={}, ru_nivcsw={}}}", self.ru_utime.show(), self.ru_stime.show(), self.ru_maxrss, self.ru_ixrss, self.ru_idrss, self.ru_isrss, self.ru_minflt, self.ru_majflt, self.ru_nswap, self.ru_inblock, self.ru_oublock, self.ru_msgsnd, self.ru_msgrcv, self.ru_nsignals, self.ru_nvcsw, self.ru_nivcsw)
    }
}

/// `struct sysinfo`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sysinfo {
    pub(crate) uptime: i64,
    pub(crate) loads: [u64; 3],
    pub(crate) totalram: u64,
    pub(crate) freeram: u64,
    pub(crate) sharedram: u64,
    pub(crate) bufferram: u64,
    pub(crate) totalswap: u64,
    pub(crate) freeswap: u64,
    pub(crate) procs: u16,
    pub(crate) totalhigh: u64,
    pub(crate) freehigh: u64,
    pub(crate) mem_unit: u32,
}

impl Struct for Sysinfo {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.signed_word(&mut self.uptime);
        self.loads.iter_mut().for_each(|part| cursor.word(part));
        cursor.word(&mut self.totalram);
        cursor.word(&mut self.freeram);
        cursor.word(&mut self.sharedram);
        cursor.word(&mut self.bufferram);
        cursor.word(&mut self.totalswap);
        cursor.word(&mut self.freeswap);
        cursor.number(&mut self.procs);
        cursor.number(&mut { 0_u16 });
        cursor.word(&mut self.totalhigh);
        cursor.word(&mut self.freehigh);
        cursor.number(&mut self.mem_unit);
    }
    fn show(&self) -> String {
        format!("{{uptime={}, loads={:?}, totalram={}, freeram={}, sharedram={}, bufferram={}, totalswap={}, freeswap={}, procs={}, totalhigh={}, freehigh={}, mem_unit={}}}", self.uptime, self.loads, self.totalram, self.freeram, self.sharedram, self.bufferram, self.totalswap, self.freeswap, self.procs, self.totalhigh, self.freehigh, self.mem_unit)
    }
}

/// `struct statfs`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Statfs {
    pub(crate) f_type: i64,
    pub(crate) f_bsize: i64,
    pub(crate) f_blocks: u64,
    pub(crate) f_bfree: u64,
    pub(crate) f_bavail: u64,
    pub(crate) f_files: u64,
    pub(crate) f_ffree: u64,
    pub(crate) f_fsid: [i32; 2],
    pub(crate) f_namelen: i64,
    pub(crate) f_frsize: i64,
    pub(crate) f_flags: i64,
}

impl Struct for Statfs {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.signed_word(&mut self.f_type);
        cursor.signed_word(&mut self.f_bsize);
        cursor.number(&mut self.f_blocks);
        cursor.number(&mut self.f_bfree);
        cursor.number(&mut self.f_bavail);
        cursor.number(&mut self.f_files);
        cursor.number(&mut self.f_ffree);
        self.f_fsid.iter_mut().for_each(|part| cursor.number(part));
        cursor.signed_word(&mut self.f_namelen);
        cursor.signed_word(&mut self.f_frsize);
        cursor.signed_word(&mut self.f_flags);
        cursor.signed_word(&mut { 0_i64 });
        cursor.signed_word(&mut { 0_i64 });
        cursor.signed_word(&mut { 0_i64 });
        cursor.signed_word(&mut { 0_i64 });
    }
    fn show(&self) -> String {
        format!("{{f_type={}, f_bsize={}, f_blocks={}, f_bfree={}, f_bavail={}, f_files={}, f_ffree={}, f_fsid={:?}, f_namelen={}, f_frsize={}, f_flags={}}}", self.f_type, self.f_bsize, self.f_blocks, self.f_bfree, self.f_bavail, self.f_files, self.f_ffree, self.f_fsid, self.f_namelen, self.f_frsize, self.f_flags)
    }
}

/// `struct timex`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Timex {
    pub(crate) modes: u32,
    pub(crate) offset: i64,
    pub(crate) freq: i64,
    pub(crate) maxerror: i64,
    pub(crate) esterror: i64,
    pub(crate) status: i32,
    pub(crate) constant: i64,
    pub(crate) precision: i64,
    pub(crate) tolerance: i64,
    pub(crate) time: Timeval,
    pub(crate) tick: i64,
    pub(crate) ppsfreq: i64,
    pub(crate) jitter: i64,
    pub(crate) shift: i32,
    pub(crate) stabil: i64,
    pub(crate) jitcnt: i64,
    pub(crate) calcnt: i64,
    pub(crate) errcnt: i64,
    pub(crate) stbcnt: i64,
    pub(crate) tai: i32,
}

impl Struct for Timex {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.number(&mut self.modes);
        cursor.signed_word(&mut self.offset);
        cursor.signed_word(&mut self.freq);
        cursor.signed_word(&mut self.maxerror);
        cursor.signed_word(&mut self.esterror);
        cursor.number(&mut self.status);
        cursor.signed_word(&mut self.constant);
        cursor.signed_word(&mut self.precision);
        cursor.signed_word(&mut self.tolerance);
        cursor.structure(&mut self.time);
        cursor.signed_word(&mut self.tick);
        cursor.signed_word(&mut self.ppsfreq);
        cursor.signed_word(&mut self.jitter);
        cursor.number(&mut self.shift);
        cursor.signed_word(&mut self.stabil);
        cursor.signed_word(&mut self.jitcnt);
        cursor.signed_word(&mut self.calcnt);
        cursor.signed_word(&mut self.errcnt);
        cursor.signed_word(&mut self.stbcnt);
        cursor.number(&mut self.tai);
        cursor.number(&mut { 0_i32 });
        cursor.number(&mut { 0_i32 });
        cursor.number(&mut { 0_i32 });
        cursor.number(&mut { 0_i32 });
        cursor.number(&mut { 0_i32 });
        cursor.number(&mut { 0_i32 });
        cursor.number(&mut { 0_i32 });
        cursor.number(&mut { 0_i32 });
        cursor.number(&mut { 0_i32 });
        cursor.number(&mut { 0_i32 });
        cursor.number(&mut { 0_i32 });
    }
    fn show(&self) -> String {
        format!("{{modes={}, offset={}, freq={}, maxerror={}, esterror={}, status={}, constant={}, precision={}, tolerance={}, time={}, tick={}, ppsfreq={}, jitter={}, shift={}, stabil={}, jitcnt={}, calcnt={}, errcnt={}, stbcnt={}, tai={}}}", self.modes, self.offset, self.freq, self.maxerror, self.esterror, self.status, self.constant, self.precision, self.tolerance, self.time.show(), self.tick, self.ppsfreq, self.jitter, self.shift, self.stabil, self.jitcnt, self.calcnt, self.errcnt, self.stbcnt, self.tai)
    }
}

/// `struct sched_param`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SchedParam {
    pub(crate) sched_priority: i32,
}

impl Struct for SchedParam {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.number(&mut self.sched_priority);
    }
    fn show(&self) -> String {
        format!("{{sched_priority={}}}", self.sched_priority)
    }
}

/// `struct iovec`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Iovec {
    pub(crate) base: u64,
    pub(crate) len: u64,
}

impl Struct for Iovec {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.word(&mut self.base);
        cursor.word(&mut self.len);
    }
    fn show(&self) -> String {
        format!("{{base={:#x}, len={}}}", self.base, self.len)
    }
}

/// `struct pollfd`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pollfd {
    pub(crate) fd: i32,
    pub(crate) events: u16,
    pub(crate) revents: u16,
}

impl Struct for Pollfd {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.number(&mut self.fd);
        cursor.number(&mut self.events);
        cursor.number(&mut self.revents);
    }
    fn show(&self) -> String {
        format!("{{fd={}, events={}, revents={}}}", self.fd, self.events, self.revents)
    }
}

/// `struct rlimit`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rlimit {
    pub(crate) cur: u64,
    pub(crate) max: u64,
}

impl Struct for Rlimit {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.word(&mut self.cur);
        cursor.word(&mut self.max);
    }
    fn show(&self) -> String {
        format!("{{cur={}, max={}}}", self.cur, self.max)
    }
}

/// `struct rlimit64`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rlimit64 {
    pub(crate) cur: u64,
    pub(crate) max: u64,
}

impl Struct for Rlimit64 {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.number(&mut self.cur);
        cursor.number(&mut self.max);
    }
    fn show(&self) -> String {
        format!("{{cur={}, max={}}}", self.cur, self.max)
    }
}

/// `struct io_event`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct IoEvent {
    pub(crate) data: u64,
    pub(crate) obj: u64,
    pub(crate) res: i64,
    pub(crate) res2: i64,
}

impl Struct for IoEvent {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.number(&mut self.data);
        cursor.number(&mut self.obj);
        cursor.number(&mut self.res);
        cursor.number(&mut self.res2);
    }
    fn show(&self) -> String {
        format!("{{data={}, obj={}, res={}, res2={}}}", self.data, self.obj, self.res, self.res2)
    }
}

/// `struct mq_attr`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MqAttr {
    pub(crate) flags: i64,
    pub(crate) maxmsg: i64,
    pub(crate) msgsize: i64,
    pub(crate) curmsgs: i64,
}

impl Struct for MqAttr {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.signed_word(&mut self.flags);
        cursor.signed_word(&mut self.maxmsg);
        cursor.signed_word(&mut self.msgsize);
        cursor.signed_word(&mut self.curmsgs);
        cursor.signed_word(&mut { 0_i64 });
        cursor.signed_word(&mut { 0_i64 });
        cursor.signed_word(&mut { 0_i64 });
        cursor.signed_word(&mut { 0_i64 });
    }
    fn show(&self) -> String {
        format!("{{flags={}, maxmsg={}, msgsize={}, curmsgs={}}}", self.flags, self.maxmsg, self.msgsize, self.curmsgs)
    }
}

/// `struct sembuf`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sembuf {
    pub(crate) num: u16,
    pub(crate) op: u16,
    pub(crate) flags: u16,
}

impl Struct for Sembuf {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.number(&mut self.num);
        cursor.number(&mut self.op);
        cursor.number(&mut self.flags);
    }
    fn show(&self) -> String {
        format!("{{num={}, op={}, flags={}}}", self.num, self.op, self.flags)
    }
}

/// `struct sigevent`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sigevent {
    pub(crate) value: u64,
    pub(crate) signo: i32,
    pub(crate) notify: i32,
    pub(crate) tid: i32,
}

impl Struct for Sigevent {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.word(&mut self.value);
        cursor.number(&mut self.signo);
        cursor.number(&mut self.notify);
        cursor.number(&mut self.tid);
        cursor.number(&mut { 0_i32 });
        cursor.number(&mut { 0_i32 });
        cursor.number(&mut { 0_i32 });
        cursor.number(&mut { 0_i32 });
        cursor.number(&mut { 0_i32 });
        cursor.number(&mut { 0_i32 });
        cursor.number(&mut { 0_i32 });
        cursor.number(&mut { 0_i32 });
        cursor.number(&mut { 0_i32 });
        cursor.number(&mut { 0_i32 });
        cursor.number(&mut { 0_i32 });
    }
    fn show(&self) -> String {
        format!("{{value={}, signo={}, notify={}, tid={}}}", self.value, self.signo, self.notify, self.tid)
    }
}

/// `struct futex_waiter`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FutexWaiter {
    pub(crate) val: u64,
    pub(crate) uaddr: u64,
    pub(crate) flags: u32,
}

impl Struct for FutexWaiter {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.number(&mut self.val);
        cursor.number(&mut self.uaddr);
        cursor.number(&mut self.flags);
        cursor.number(&mut { 0_u32 });
    }
    fn show(&self) -> String {
        format!("{{val={}, uaddr={}, flags={}}}", self.val, self.uaddr, self.flags)
    }
}

/// `struct cachestat_range`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CachestatRange {
    pub(crate) off: u64,
    pub(crate) len: u64,
}

impl Struct for CachestatRange {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.number(&mut self.off);
        cursor.number(&mut self.len);
    }
    fn show(&self) -> String {
        format!("{{off={}, len={}}}", self.off, self.len)
    }
}

/// `struct cachestat`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cachestat {
    pub(crate) cache: u64,
    pub(crate) dirty: u64,
    pub(crate) writeback: u64,
    pub(crate) evicted: u64,
    pub(crate) recently_evicted: u64,
}

impl Struct for Cachestat {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.number(&mut self.cache);
        cursor.number(&mut self.dirty);
        cursor.number(&mut self.writeback);
        cursor.number(&mut self.evicted);
        cursor.number(&mut self.recently_evicted);
    }
    fn show(&self) -> String {
        format!("{{cache={}, dirty={}, writeback={}, evicted={}, recently_evicted={}}}", self.cache, self.dirty, self.writeback, self.evicted, self.recently_evicted)
    }
}

/// `struct msghdr`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Msghdr {
    pub(crate) name: u64,
    pub(crate) namelen: i32,
    pub(crate) iov: u64,
    pub(crate) iovlen: u64,
    pub(crate) control: u64,
    pub(crate) controllen: u64,
    pub(crate) flags: u32,
}

impl Struct for Msghdr {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.word(&mut self.name);
        cursor.number(&mut self.namelen);
        cursor.word(&mut self.iov);
        cursor.word(&mut self.iovlen);
        cursor.word(&mut self.control);
        cursor.word(&mut self.controllen);
        cursor.number(&mut self.flags);
    }
    fn show(&self) -> String {
        format!("{{name={:#x}, namelen={}, iov={:#x}, iovlen={}, control={:#x}, controllen={}, flags={}}}", self.name, self.namelen, self.iov, self.iovlen, self.control, self.controllen, self.flags)
    }
}

/// `struct cmsghdr`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cmsghdr {
    pub(crate) len: u64,
    pub(crate) level: i32,
    pub(crate) kind: i32,
}

impl Struct for Cmsghdr {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.word(&mut self.len);
        cursor.number(&mut self.level);
        cursor.number(&mut self.kind);
    }
    fn show(&self) -> String {
        format!("{{len={}, level={}, kind={}}}", self.len, self.level, self.kind)
    }
}

/// `struct siginfo_head`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SiginfoHead {
    pub(crate) signo: i32,
    pub(crate) errno: i32,
    pub(crate) code: i32,
}

impl Struct for SiginfoHead {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.number(&mut self.signo);
        cursor.number(&mut self.errno);
        cursor.number(&mut self.code);
    }
    fn show(&self) -> String {
        format!("{{signo={}, errno={}, code={}}}", self.signo, self.errno, self.code)
    }
}

/// `struct siginfo_queued`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SiginfoQueued {
    pub(crate) signo: i32,
    pub(crate) errno: i32,
    pub(crate) code: i32,
    pub(crate) pid: i32,
    pub(crate) uid: u32,
    pub(crate) value: u64,
}

impl Struct for SiginfoQueued {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.number(&mut self.signo);
        cursor.number(&mut self.errno);
        cursor.number(&mut self.code);
        cursor.align_word();
        cursor.number(&mut self.pid);
        cursor.number(&mut self.uid);
        cursor.word(&mut self.value);
    }
    fn show(&self) -> String {
        format!("{{signo={}, errno={}, code={}, pid={}, uid={}, value={}}}", self.signo, self.errno, self.code, self.pid, self.uid, self.value)
    }
}

/// `struct siginfo_timer`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SiginfoTimer {
    pub(crate) signo: i32,
    pub(crate) errno: i32,
    pub(crate) code: i32,
    pub(crate) tid: i32,
    pub(crate) overrun: i32,
    pub(crate) value: u64,
}

impl Struct for SiginfoTimer {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.number(&mut self.signo);
        cursor.number(&mut self.errno);
        cursor.number(&mut self.code);
        cursor.align_word();
        cursor.number(&mut self.tid);
        cursor.number(&mut self.overrun);
        cursor.word(&mut self.value);
    }
    fn show(&self) -> String {
        format!("{{signo={}, errno={}, code={}, tid={}, overrun={}, value={}}}", self.signo, self.errno, self.code, self.tid, self.overrun, self.value)
    }
}

/// `struct siginfo_child`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SiginfoChild {
    pub(crate) signo: i32,
    pub(crate) errno: i32,
    pub(crate) code: i32,
    pub(crate) pid: i32,
    pub(crate) uid: u32,
    pub(crate) status: i32,
    pub(crate) utime: i64,
    pub(crate) stime: i64,
}

impl Struct for SiginfoChild {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.number(&mut self.signo);
        cursor.number(&mut self.errno);
        cursor.number(&mut self.code);
        cursor.align_word();
        cursor.number(&mut self.pid);
        cursor.number(&mut self.uid);
        cursor.number(&mut self.status);
        cursor.signed_word(&mut self.utime);
        cursor.signed_word(&mut self.stime);
    }
    fn show(&self) -> String {
        format!("{{signo={}, errno={}, code={}, pid={}, uid={}, status={}, utime={}, stime={}}}", self.signo, self.errno, self.code, self.pid, self.uid, self.status, self.utime, self.stime)
    }
}

/// `struct siginfo_fault`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SiginfoFault {
    pub(crate) signo: i32,
    pub(crate) errno: i32,
    pub(crate) code: i32,
    pub(crate) addr: u64,
    pub(crate) lsb: u16,
}

impl Struct for SiginfoFault {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.number(&mut self.signo);
        cursor.number(&mut self.errno);
        cursor.number(&mut self.code);
        cursor.align_word();
        cursor.word(&mut self.addr);
        cursor.number(&mut self.lsb);
    }
    fn show(&self) -> String {
        format!("{{signo={}, errno={}, code={}, addr={:#x}, lsb={}}}", self.signo, self.errno, self.code, self.addr, self.lsb)
    }
}

/// `struct siginfo_poll`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SiginfoPoll {
    pub(crate) signo: i32,
    pub(crate) errno: i32,
    pub(crate) code: i32,
    pub(crate) band: i64,
    pub(crate) fd: i32,
}

impl Struct for SiginfoPoll {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.number(&mut self.signo);
        cursor.number(&mut self.errno);
        cursor.number(&mut self.code);
        cursor.align_word();
        cursor.signed_word(&mut self.band);
        cursor.number(&mut self.fd);
    }
    fn show(&self) -> String {
        format!("{{signo={}, errno={}, code={}, band={}, fd={}}}", self.signo, self.errno, self.code, self.band, self.fd)
    }
}

/// `struct siginfo_sys`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SiginfoSys {
    pub(crate) signo: i32,
    pub(crate) errno: i32,
    pub(crate) code: i32,
    pub(crate) call_addr: u64,
    pub(crate) syscall: i32,
    pub(crate) arch: u32,
}

impl Struct for SiginfoSys {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.number(&mut self.signo);
        cursor.number(&mut self.errno);
        cursor.number(&mut self.code);
        cursor.align_word();
        cursor.word(&mut self.call_addr);
        cursor.number(&mut self.syscall);
        cursor.number(&mut self.arch);
    }
    fn show(&self) -> String {
        format!("{{signo={}, errno={}, code={}, call_addr={:#x}, syscall={}, arch={}}}", self.signo, self.errno, self.code, self.call_addr, self.syscall, self.arch)
    }
}

/// `struct sigset_argument`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SigsetArgument {
    pub(crate) at: u64,
    pub(crate) size: u64,
}

impl Struct for SigsetArgument {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.word(&mut self.at);
        cursor.word(&mut self.size);
    }
    fn show(&self) -> String {
        format!("{{at={:#x}, size={}}}", self.at, self.size)
    }
}

/// `struct sigaction`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sigaction {
    pub(crate) handler: u64,
    pub(crate) flags: u64,
    pub(crate) mask: u64,
}

impl Struct for Sigaction {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.word(&mut self.handler);
        cursor.word(&mut self.flags);
        cursor.number(&mut self.mask);
    }
    fn show(&self) -> String {
        format!("{{handler={:#x}, flags={}, mask={}}}", self.handler, self.flags, self.mask)
    }
}

/// `struct sigaction_restorer`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SigactionRestorer {
    pub(crate) handler: u64,
    pub(crate) flags: u64,
    pub(crate) restorer: u64,
    pub(crate) mask: u64,
}

impl Struct for SigactionRestorer {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.word(&mut self.handler);
        cursor.word(&mut self.flags);
        cursor.word(&mut self.restorer);
        cursor.number(&mut self.mask);
    }
    fn show(&self) -> String {
        format!("{{handler={:#x}, flags={}, restorer={:#x}, mask={}}}", self.handler, self.flags, self.restorer, self.mask)
    }
}

/// `struct stack_t`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StackT {
    pub(crate) start: u64,
    pub(crate) flags: i32,
    pub(crate) len: u64,
}

impl Struct for StackT {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.word(&mut self.start);
        cursor.number(&mut self.flags);
        cursor.word(&mut self.len);
    }
    fn show(&self) -> String {
        format!("{{start={:#x}, flags={}, len={}}}", self.start, self.flags, self.len)
    }
}

/// `struct epoll_event`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct EpollEvent {
    pub(crate) events: u32,
    pub(crate) data: u64,
}

impl Struct for EpollEvent {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.number(&mut self.events);
        cursor.number(&mut self.data);
    }
    fn show(&self) -> String {
        format!("{{events={}, data={}}}", self.events, self.data)
    }
}

/// `struct clone_args`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CloneArgs {
    pub(crate) flags: u64,
    pub(crate) pidfd: u64,
    pub(crate) child_tid: u64,
    pub(crate) parent_tid: u64,
    pub(crate) exit_signal: u64,
    pub(crate) stack: u64,
    pub(crate) stack_size: u64,
    pub(crate) tls: u64,
    pub(crate) set_tid: u64,
    pub(crate) set_tid_size: u64,
    pub(crate) cgroup: u64,
}

impl Struct for CloneArgs {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.number(&mut self.flags);
        cursor.number(&mut self.pidfd);
        cursor.number(&mut self.child_tid);
        cursor.number(&mut self.parent_tid);
        cursor.number(&mut self.exit_signal);
        cursor.number(&mut self.stack);
        cursor.number(&mut self.stack_size);
        cursor.number(&mut self.tls);
        cursor.number(&mut self.set_tid);
        cursor.number(&mut self.set_tid_size);
        cursor.number(&mut self.cgroup);
    }
    fn show(&self) -> String {
        format!("{{flags={}, pidfd={}, child_tid={}, parent_tid={}, exit_signal={}, stack={}, stack_size={}, tls={}, set_tid={}, set_tid_size={}, cgroup={}}}", self.flags, self.pidfd, self.child_tid, self.parent_tid, self.exit_signal, self.stack, self.stack_size, self.tls, self.set_tid, self.set_tid_size, self.cgroup)
    }
}

/// `struct semid_ds`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SemidDs {
    pub(crate) perm: [u64; 6],
    pub(crate) otime: i64,
    pub(crate) ctime: i64,
    pub(crate) nsems: u64,
}

impl Struct for SemidDs {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        self.perm.iter_mut().for_each(|part| cursor.number(part));
        cursor.signed_word(&mut self.otime);
        cursor.signed_word(&mut self.ctime);
        cursor.word(&mut self.nsems);
        cursor.word(&mut { 0_u64 });
        cursor.word(&mut { 0_u64 });
    }
    fn show(&self) -> String {
        format!("{{perm={:?}, otime={}, ctime={}, nsems={}}}", self.perm, self.otime, self.ctime, self.nsems)
    }
}

/// `struct stat_wide_nlink`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StatWideNlink {
    pub(crate) dev: u64,
    pub(crate) ino: u64,
    pub(crate) nlink: u64,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) rdev: u64,
    pub(crate) size: i64,
    pub(crate) blksize: i64,
    pub(crate) blocks: i64,
    pub(crate) atime: u64,
    pub(crate) atime_nsec: u64,
    pub(crate) mtime: u64,
    pub(crate) mtime_nsec: u64,
    pub(crate) ctime: u64,
    pub(crate) ctime_nsec: u64,
}

impl Struct for StatWideNlink {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.number(&mut self.dev);
        cursor.word(&mut self.ino);
        cursor.word(&mut self.nlink);
        cursor.number(&mut self.mode);
        cursor.number(&mut self.uid);
        cursor.number(&mut self.gid);
        cursor.number(&mut { 0_u32 });
        cursor.number(&mut self.rdev);
        cursor.signed_word(&mut self.size);
        cursor.signed_word(&mut self.blksize);
        cursor.signed_word(&mut self.blocks);
        cursor.word(&mut self.atime);
        cursor.word(&mut self.atime_nsec);
        cursor.word(&mut self.mtime);
        cursor.word(&mut self.mtime_nsec);
        cursor.word(&mut self.ctime);
        cursor.word(&mut self.ctime_nsec);
        cursor.signed_word(&mut { 0_i64 });
        cursor.signed_word(&mut { 0_i64 });
        cursor.signed_word(&mut { 0_i64 });
    }
    fn show(&self) -> String {
        format!("{{dev={}, ino={}, nlink={}, mode={}, uid={}, gid={}, rdev={}, size={}, blksize={}, blocks={}, atime={}, atime_nsec={}, mtime={}, mtime_nsec={}, ctime={}, ctime_nsec={}}}", self.dev, self.ino, self.nlink, self.mode, self.uid, self.gid, self.rdev, self.size, self.blksize, self.blocks, self.atime, self.atime_nsec, self.mtime, self.mtime_nsec, self.ctime, self.ctime_nsec)
    }
}

/// `struct semid_ds_padded`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SemidDsPadded {
    pub(crate) perm: [u64; 6],
    pub(crate) otime: i64,
    pub(crate) ctime: i64,
    pub(crate) nsems: u64,
}

impl Struct for SemidDsPadded {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        self.perm.iter_mut().for_each(|part| cursor.number(part));
        cursor.signed_word(&mut self.otime);
        cursor.word(&mut { 0_u64 });
        cursor.signed_word(&mut self.ctime);
        cursor.word(&mut { 0_u64 });
        cursor.word(&mut self.nsems);
        cursor.word(&mut { 0_u64 });
        cursor.word(&mut { 0_u64 });
    }
    fn show(&self) -> String {
        format!("{{perm={:?}, otime={}, ctime={}, nsems={}}}", self.perm, self.otime, self.ctime, self.nsems)
    }
}

/// `struct stat_generic`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StatGeneric {
    pub(crate) dev: u64,
    pub(crate) ino: u64,
    pub(crate) mode: u32,
    pub(crate) nlink: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) rdev: u64,
    pub(crate) size: i64,
    pub(crate) blksize: i32,
    pub(crate) blocks: i64,
    pub(crate) atime: i64,
    pub(crate) atime_nsec: u64,
    pub(crate) mtime: i64,
    pub(crate) mtime_nsec: u64,
    pub(crate) ctime: i64,
    pub(crate) ctime_nsec: u64,
}

impl Struct for StatGeneric {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.number(&mut self.dev);
        cursor.word(&mut self.ino);
        cursor.number(&mut self.mode);
        cursor.number(&mut self.nlink);
        cursor.number(&mut self.uid);
        cursor.number(&mut self.gid);
        cursor.number(&mut self.rdev);
        cursor.word(&mut { 0_u64 });
        cursor.number(&mut self.size);
        cursor.number(&mut self.blksize);
        cursor.number(&mut { 0_i32 });
        cursor.number(&mut self.blocks);
        cursor.signed_word(&mut self.atime);
        cursor.word(&mut self.atime_nsec);
        cursor.signed_word(&mut self.mtime);
        cursor.word(&mut self.mtime_nsec);
        cursor.signed_word(&mut self.ctime);
        cursor.word(&mut self.ctime_nsec);
        cursor.number(&mut { 0_u32 });
        cursor.number(&mut { 0_u32 });
    }
    fn show(&self) -> String {
        format!("{{dev={}, ino={}, mode={}, nlink={}, uid={}, gid={}, rdev={}, size={}, blksize={}, blocks={}, atime={}, atime_nsec={}, mtime={}, mtime_nsec={}, ctime={}, ctime_nsec={}}}", self.dev, self.ino, self.mode, self.nlink, self.uid, self.gid, self.rdev, self.size, self.blksize, self.blocks, self.atime, self.atime_nsec, self.mtime, self.mtime_nsec, self.ctime, self.ctime_nsec)
    }
}

/// `struct stat_s390x`.
#[cfg(test)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StatS390x {
    pub(crate) dev: u64,
    pub(crate) ino: u64,
    pub(crate) nlink: u64,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) rdev: u64,
    pub(crate) size: u64,
    pub(crate) atime: i64,
    pub(crate) atime_nsec: u64,
    pub(crate) mtime: i64,
    pub(crate) mtime_nsec: u64,
    pub(crate) ctime: i64,
    pub(crate) ctime_nsec: u64,
    pub(crate) blksize: u64,
    pub(crate) blocks: i64,
}

#[cfg(test)]
impl Struct for StatS390x {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.number(&mut self.dev);
        cursor.number(&mut self.ino);
        cursor.number(&mut self.nlink);
        cursor.number(&mut self.mode);
        cursor.number(&mut self.uid);
        cursor.number(&mut self.gid);
        cursor.number(&mut { 0_u32 });
        cursor.number(&mut self.rdev);
        cursor.number(&mut self.size);
        cursor.signed_word(&mut self.atime);
        cursor.word(&mut self.atime_nsec);
        cursor.signed_word(&mut self.mtime);
        cursor.word(&mut self.mtime_nsec);
        cursor.signed_word(&mut self.ctime);
        cursor.word(&mut self.ctime_nsec);
        cursor.word(&mut self.blksize);
        cursor.signed_word(&mut self.blocks);
        cursor.word(&mut { 0_u64 });
        cursor.word(&mut { 0_u64 });
        cursor.word(&mut { 0_u64 });
    }
    fn show(&self) -> String {
        format!("{{dev={}, ino={}, nlink={}, mode={}, uid={}, gid={}, rdev={}, size={}, atime={}, atime_nsec={}, mtime={}, mtime_nsec={}, ctime={}, ctime_nsec={}, blksize={}, blocks={}}}", self.dev, self.ino, self.nlink, self.mode, self.uid, self.gid, self.rdev, self.size, self.atime, self.atime_nsec, self.mtime, self.mtime_nsec, self.ctime, self.ctime_nsec, self.blksize, self.blocks)
    }
}

/// `struct stat_64_on_32`.
#[cfg(test)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stat64On32 {
    pub(crate) dev: u64,
    pub(crate) short_ino: u64,
    pub(crate) mode: u32,
    pub(crate) nlink: u32,
    pub(crate) uid: u64,
    pub(crate) gid: u64,
    pub(crate) rdev: u64,
    pub(crate) size: i64,
    pub(crate) blksize: u64,
    pub(crate) blocks: u64,
    pub(crate) atime: u64,
    pub(crate) atime_nsec: u64,
    pub(crate) mtime: u64,
    pub(crate) mtime_nsec: u64,
    pub(crate) ctime: u64,
    pub(crate) ctime_nsec: u64,
    pub(crate) ino: u64,
}

#[cfg(test)]
impl Struct for Stat64On32 {
    fn visit(&mut self, cursor: &mut Cursor<'_>) {
        cursor.number(&mut self.dev);
        cursor.number(&mut { 0_u32 });
        cursor.word(&mut self.short_ino);
        cursor.number(&mut self.mode);
        cursor.number(&mut self.nlink);
        cursor.word(&mut self.uid);
        cursor.word(&mut self.gid);
        cursor.number(&mut self.rdev);
        cursor.number(&mut { 0_u32 });
        cursor.number(&mut self.size);
        cursor.word(&mut self.blksize);
        cursor.number(&mut self.blocks);
        cursor.word(&mut self.atime);
        cursor.word(&mut self.atime_nsec);
        cursor.word(&mut self.mtime);
        cursor.word(&mut self.mtime_nsec);
        cursor.word(&mut self.ctime);
        cursor.word(&mut self.ctime_nsec);
        cursor.number(&mut self.ino);
    }
    fn show(&self) -> String {
        format!("{{dev={}, short_ino={}, mode={}, nlink={}, uid={}, gid={}, rdev={}, size={}, blksize={}, blocks={}, atime={}, atime_nsec={}, mtime={}, mtime_nsec={}, ctime={}, ctime_nsec={}, ino={}}}", self.dev, self.short_ino, self.mode, self.nlink, self.uid, self.gid, self.rdev, self.size, self.blksize, self.blocks, self.atime, self.atime_nsec, self.mtime, self.mtime_nsec, self.ctime, self.ctime_nsec, self.ino)
    }
}

/// A structure that an argument of a call points to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Layout {
    Cachestat,
    CachestatRange,
    EpollEvent,
    FutexWaiter,
    Id64,
    Int,
    IoEvent,
    Iovec,
    Itimerspec,
    Itimerval,
    MqAttr,
    Offset,
    Pollfd,
    Rlimit,
    Rlimit64,
    Rusage,
    SchedParam,
    Sembuf,
    Sigevent,
    SigsetArgument,
    StackT,
    Statfs,
    Sysinfo,
    Timespec,
    Timeval,
    Timex,
    Timezone,
    Tms,
    Uint,
    Word,
}

impl Layout {
    /// What is done with it.
    pub(super) const fn shape(self) -> super::Shape {
        match self {
            Self::Cachestat => super::Shape::of::<Cachestat>(),
            Self::CachestatRange => super::Shape::of::<CachestatRange>(),
            Self::EpollEvent => super::Shape::of::<EpollEvent>(),
            Self::FutexWaiter => super::Shape::of::<FutexWaiter>(),
            Self::Id64 => super::Shape::of::<Id64>(),
            Self::Int => super::Shape::of::<Int>(),
            Self::IoEvent => super::Shape::of::<IoEvent>(),
            Self::Iovec => super::Shape::of::<Iovec>(),
            Self::Itimerspec => super::Shape::of::<Itimerspec>(),
            Self::Itimerval => super::Shape::of::<Itimerval>(),
            Self::MqAttr => super::Shape::of::<MqAttr>(),
            Self::Offset => super::Shape::of::<Offset>(),
            Self::Pollfd => super::Shape::of::<Pollfd>(),
            Self::Rlimit => super::Shape::of::<Rlimit>(),
            Self::Rlimit64 => super::Shape::of::<Rlimit64>(),
            Self::Rusage => super::Shape::of::<Rusage>(),
            Self::SchedParam => super::Shape::of::<SchedParam>(),
            Self::Sembuf => super::Shape::of::<Sembuf>(),
            Self::Sigevent => super::Shape::of::<Sigevent>(),
            Self::SigsetArgument => super::Shape::of::<SigsetArgument>(),
            Self::StackT => super::Shape::of::<StackT>(),
            Self::Statfs => super::Shape::of::<Statfs>(),
            Self::Sysinfo => super::Shape::of::<Sysinfo>(),
            Self::Timespec => super::Shape::of::<Timespec>(),
            Self::Timeval => super::Shape::of::<Timeval>(),
            Self::Timex => super::Shape::of::<Timex>(),
            Self::Timezone => super::Shape::of::<Timezone>(),
            Self::Tms => super::Shape::of::<Tms>(),
            Self::Uint => super::Shape::of::<Uint>(),
            Self::Word => super::Shape::of::<Word>(),
        }
    }
}
