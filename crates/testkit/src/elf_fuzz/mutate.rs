//! Mutations of files.

use isa::Rng;

/// Values that are at an edge of something.
const EXTREMES: [u64; 22] = [
    0,
    1,
    2,
    3,
    7,
    55,
    56,
    0xfff,
    0x1000,
    0x1001,
    0xffff,
    0x1_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    (1 << 47) - 0x1000,
    1 << 47,
    (1 << 48) - 1,
    i64::MAX as u64,
    1 << 63,
    u64::MAX - 0xfff,
    u64::MAX,
];

/// `file` with one to four changes in its headers, or cut short.
pub fn mutate(rng: &mut Rng, mut file: Vec<u8>) -> Vec<u8> {
    for _ in 0..1 + rng.below(4) {
        let count = file.get(56).map_or(0, |&n| usize::from(n).min(16));
        let headers = (64 + count * 56).min(file.len());
        if headers < 64 {
            return file;
        }
        let at = rng.below(headers as u64) as usize;
        match rng.below(12) {
            0..=3 => file[at] ^= 1 << rng.below(8),
            4 => file[at] = rng.next() as u8,
            5..=8 => field(rng, &mut file, headers),
            9 => {
                let len = rng.below(file.len() as u64 + 1) as usize;
                file.truncate(if rng.one_in(2) { len.min(headers) } else { len });
            }
            10 if count > 1 => {
                // Two program headers change places, or one is there twice.
                let (a, b) = (rng.below(count as u64) as usize, rng.below(count as u64) as usize);
                let (a, b) = (64 + a * 56, 64 + b * 56);
                if a.max(b) + 56 <= file.len() {
                    let (from, to) = (file[a..a + 56].to_vec(), file[b..b + 56].to_vec());
                    file[b..b + 56].copy_from_slice(&from);
                    if rng.one_in(2) {
                        file[a..a + 56].copy_from_slice(&to);
                    }
                }
            }
            _ => {
                let len = rng.below(16).min((file.len() - at) as u64) as usize;
                file[at..at + len].fill_with(|| rng.next() as u8);
            }
        }
    }
    file
}

/// Sets a field to an extreme value, or changes it a little.
fn field(rng: &mut Rng, file: &mut [u8], headers: usize) {
    // Offset and size of the ELF header's fields from e_type on, and of a program header's.
    const EHDR: [(usize, usize); 13] = [
        (16, 2),
        (18, 2),
        (20, 4),
        (24, 8),
        (32, 8),
        (40, 8),
        (48, 4),
        (52, 2),
        (54, 2),
        (56, 2),
        (58, 2),
        (60, 2),
        (62, 2),
    ];
    const PHDR: [(usize, usize); 8] =
        [(0, 4), (4, 4), (8, 8), (16, 8), (24, 8), (32, 8), (40, 8), (48, 8)];
    let count = (headers - 64) / 56;
    let (at, size) = if count == 0 || rng.one_in(5) {
        EHDR[rng.below(13) as usize]
    } else {
        let (at, size) = PHDR[rng.below(8) as usize];
        (64 + 56 * rng.below(count as u64) as usize + at, size)
    };
    let mut old = [0; 8];
    old[..size].copy_from_slice(&file[at..at + size]);
    let old = u64::from_le_bytes(old);
    let length = file.len() as u64;
    let value = match rng.below(6) {
        0 => old.wrapping_add(rng.below(17)).wrapping_sub(8),
        1 => old.wrapping_add((rng.below(17) * 4096).wrapping_sub(8 * 4096)),
        2 => length.wrapping_add(rng.below(3)).wrapping_sub(1),
        _ => EXTREMES[rng.below(EXTREMES.len() as u64) as usize],
    };
    file[at..at + size].copy_from_slice(&value.to_le_bytes()[..size]);
}
