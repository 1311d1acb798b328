//! Functions of the host's vDSO, by their names.
#![expect(unsafe_code, reason = "reads the image that the kernel has mapped")]

/// An image in memory, as its headers describe it.
struct Image {
    /// What is added to the addresses in its tables.
    bias: usize,
    symbols: usize,
    strings: usize,
    /// How many symbols there are.
    count: usize,
}

const DT_HASH: u64 = 4;
const DT_STRTAB: u64 = 5;
const DT_SYMTAB: u64 = 6;
const DT_GNU_HASH: u64 = 0x6fff_fef5;

/// The address of function `name` of the host's vDSO; None if there is none.
pub fn function(name: &[u8]) -> Option<usize> {
    let base = crate::auxv::get(libc::AT_SYSINFO_EHDR).filter(|&at| at != 0)?;
    // SAFETY: the kernel has mapped its vDSO there.
    unsafe { Image::at(base as usize)?.find(name) }
}

/// # Safety
/// There is a `T` at `at`.
unsafe fn read<T: Copy>(at: usize) -> T {
    // SAFETY: the caller says so.
    unsafe { (at as *const T).read_unaligned() }
}

/// What is added to the addresses in the tables of the shared object at `base`, and where its
/// symbols, strings, hash table and hash table in GNU's format are; zero for what it has not.
///
/// # Safety
/// A shared object is mapped there.
unsafe fn tables(base: usize) -> Option<(usize, [usize; 4])> {
    // SAFETY: the headers are there.
    let (phoff, phnum) = unsafe { (read::<u64>(base + 32), read::<u16>(base + 56)) };
    let (mut bias, mut dynamic) = (None, None);
    for n in 0..usize::from(phnum) {
        let at = base + phoff as usize + n * 56;
        // SAFETY: so are the program headers.
        let (kind, offset, vaddr) =
            unsafe { (read::<u32>(at), read::<u64>(at + 8), read::<u64>(at + 16)) };
        match kind {
            libc::PT_LOAD if bias.is_none() => {
                bias = Some(base.wrapping_add(offset as usize).wrapping_sub(vaddr as usize));
            }
            libc::PT_DYNAMIC => dynamic = Some(base + offset as usize),
            _ => {}
        }
    }
    let bias = bias?;
    let (mut at, mut tables) = (dynamic?, [0_usize; 4]);
    loop {
        // SAFETY: the section ends with an entry of zeros, at which we stop.
        let [tag, value] = unsafe { read::<[u64; 2]>(at) };
        let wanted = [DT_SYMTAB, DT_STRTAB, DT_HASH, DT_GNU_HASH];
        if let Some(n) = wanted.iter().position(|&t| t == tag) {
            tables[n] = bias.wrapping_add(value as usize);
        }
        if tag == 0 {
            break;
        }
        at += 16;
    }
    Some((bias, tables))
}

impl Image {
    /// # Safety
    /// A shared object is mapped at `base`.
    unsafe fn at(base: usize) -> Option<Self> {
        // SAFETY: the caller says so.
        let (bias, [symbols, strings, hash, gnu_hash]) = unsafe { tables(base)? };
        let count = match (hash, gnu_hash) {
            (0, 0) => return None,
            // SAFETY: the second word is the number of symbols.
            (1.., _) => unsafe { read::<u32>(hash + 4) as usize },
            // SAFETY: it is such a table.
            (0, _) => unsafe { gnu_count(gnu_hash) },
        };
        (symbols != 0 && strings != 0).then_some(Self { bias, symbols, strings, count })
    }
    /// # Safety
    /// It is mapped.
    unsafe fn find(&self, name: &[u8]) -> Option<usize> {
        (0..self.count).find_map(|n| {
            let at = self.symbols + n * 24;
            // SAFETY: there are so many symbols.
            let (string, section, value) =
                unsafe { (read::<u32>(at), read::<u16>(at + 6), read::<u64>(at + 8)) };
            let string = (self.strings + string as usize) as *const core::ffi::c_char;
            // SAFETY: strings of the table are terminated.
            let is_it =
                section != 0 && unsafe { core::ffi::CStr::from_ptr(string) }.to_bytes() == name;
            is_it.then(|| self.bias.wrapping_add(value as usize))
        })
    }
}

/// The number of symbols, from a table in GNU's format: the last one of the longest chain.
///
/// # Safety
/// `table` is one.
unsafe fn gnu_count(table: usize) -> usize {
    // SAFETY: it begins so.
    let [buckets, first, bloom, _] = unsafe { read::<[u32; 4]>(table) };
    let heads = table + 16 + bloom as usize * 8;
    let chains = heads + buckets as usize * 4;
    // SAFETY: one word for each bucket.
    let last = (0..buckets as usize).map(|n| unsafe { read::<u32>(heads + n * 4) }).max();
    let mut last = last.unwrap_or(0);
    if last < first {
        return first as usize;
    }
    // SAFETY: chains end with a word whose lowest bit is set.
    while unsafe { read::<u32>(chains + (last - first) as usize * 4) } & 1 == 0 {
        last += 1;
    }
    last as usize + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_found_by_name() {
        let Some(clock) = function(b"__vdso_clock_gettime") else { return };
        let base = crate::auxv::get(libc::AT_SYSINFO_EHDR).unwrap() as usize;
        assert!((base..base + 0x10000).contains(&clock));
        assert_eq!(function(b"__vdso_no_such"), None);
        // SAFETY: this is the signature of the kernel's function of that name.
        let clock: crate::clock::HostClock = unsafe { core::mem::transmute(clock) };
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: -1 };
        // SAFETY: there is room for the time.
        assert_eq!(unsafe { clock(libc::CLOCK_MONOTONIC, &raw mut time) }, 0);
        let (seconds, ns) = crate::clock::now(libc::CLOCK_MONOTONIC);
        assert!((0..1_000_000_000).contains(&time.tv_nsec));
        assert!((time.tv_sec, time.tv_nsec) <= (seconds, ns));
    }

    #[test]
    fn both_tables_count_the_symbols() {
        let Some(base) = crate::auxv::get(libc::AT_SYSINFO_EHDR) else { return };
        // SAFETY: the kernel has mapped its vDSO there.
        let (_, [_, _, hash, gnu_hash]) = unsafe { tables(base as usize) }.unwrap();
        if hash != 0 && gnu_hash != 0 {
            // SAFETY: these are such tables.
            let counts = unsafe { (read::<u32>(hash + 4) as usize, gnu_count(gnu_hash)) };
            assert_eq!(counts.0, counts.1);
        }
    }
}
