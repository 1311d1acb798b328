//! Static executables for AArch64 Linux.

/// A piece of memory.
#[derive(Debug)]
pub struct Segment {
    /// Its address, a multiple of 4096.
    pub address: u64,
    /// Its content.
    pub bytes: Vec<u8>,
    /// Executable, else writable.
    pub code: bool,
}

/// An ELF file.
pub fn write(entry: u64, segments: &[Segment]) -> Vec<u8> {
    const PAGE: usize = 4096;
    let mut file = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0];
    file.resize(16, 0);
    let half = |file: &mut Vec<u8>, v: u16| file.extend(v.to_le_bytes());
    let word = |file: &mut Vec<u8>, v: u32| file.extend(v.to_le_bytes());
    let long = |file: &mut Vec<u8>, v: u64| file.extend(v.to_le_bytes());
    // ET_EXEC, EM_AARCH64.
    half(&mut file, 2);
    half(&mut file, 183);
    word(&mut file, 1);
    long(&mut file, entry);
    long(&mut file, 64);
    long(&mut file, 0);
    word(&mut file, 0);
    for v in [64, 56, segments.len() as u16, 64, 0, 0] {
        half(&mut file, v);
    }
    let mut offset = PAGE;
    for segment in segments {
        // PT_LOAD.
        word(&mut file, 1);
        word(&mut file, if segment.code { 5 } else { 6 });
        for v in [offset as u64, segment.address, segment.address] {
            long(&mut file, v);
        }
        for _ in 0..2 {
            long(&mut file, segment.bytes.len() as u64);
        }
        long(&mut file, PAGE as u64);
        offset += segment.bytes.len().next_multiple_of(PAGE);
    }
    for segment in segments {
        file.resize(file.len().next_multiple_of(PAGE), 0);
        file.extend(&segment.bytes);
    }
    file
}
