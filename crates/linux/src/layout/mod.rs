//! Structures in the guest's memory: their fields are declared in `isa/linux.structs`, and read and
//! written here by the guest's word size, byte order and alignment.

mod arguments;
mod message;
mod siginfo;
#[rustfmt::skip]
mod structs;

pub(crate) use arguments::Converted;
pub(crate) use structs::*;

use memory::MemoryFault;

/// How an architecture lays out structures.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Model {
    /// Bytes of a `long` and of an address.
    pub word: usize,
    /// The most significant byte comes first.
    pub big_endian: bool,
    /// Alignment of fields of 64 bits, which is 4 on i386.
    pub wide_align: usize,
}

impl Model {
    /// 64 bits, little-endian.
    pub const LP64: Self = Self { word: 8, big_endian: false, wide_align: 8 };
    /// The host's.
    pub const HOST: Self =
        Self { word: size_of::<usize>(), big_endian: cfg!(target_endian = "big"), wide_align: 8 };

    /// The number `value` in the first `size` bytes, in the order of this model. What does not fit is
    /// cut off.
    pub const fn number(self, value: u64, size: usize) -> [u8; 8] {
        if self.big_endian { (value << (64 - 8 * size)).to_be_bytes() } else { value.to_le_bytes() }
    }
    /// Appends the number `value` of `size` bytes to `out`.
    pub fn put(self, out: &mut Vec<u8>, value: u64, size: usize) {
        out.extend_from_slice(&self.number(value, size)[..size]);
    }
    /// Appends a word to `out`.
    pub fn put_word(self, out: &mut Vec<u8>, value: u64) {
        self.put(out, value, self.word);
    }
}

/// Longest structure.
const LEN_MAX: usize = 256;

/// A declared structure.
pub(crate) trait Struct: Default + Copy {
    /// Shows each field to `cursor`, in order.
    fn visit(&mut self, cursor: &mut Cursor<'_>);
    /// As strace(1) prints it.
    fn show(&self) -> String;
}

/// Converts a structure from the first model and bytes to the second.
type Convert = fn((Model, &[u8]), (Model, &mut [u8]));

/// What is done with the structure that an argument points to.
struct Shape {
    len: fn(Model) -> usize,
    convert: Convert,
    show: fn(Model, &[u8]) -> String,
}

impl Shape {
    const fn of<T: Struct>() -> Self {
        Self {
            len: len::<T>,
            convert: |(from, bytes), (to, out)| {
                to_bytes(to, from_bytes::<T>(from, bytes), out);
            },
            show: |model, bytes| from_bytes::<T>(model, bytes).show(),
        }
    }
}

impl Layout {
    /// The one at `at`, for people; None if it cannot be read.
    pub(crate) fn show(self, model: Model, at: u64) -> Option<String> {
        let shape = self.shape();
        let bytes = memory::read_vec(at, (shape.len)(model)).ok()?;
        Some((shape.show)(model, &bytes))
    }
}

/// What happens to the fields.
enum Action<'a> {
    Read(&'a [u8]),
    Write(&'a mut [u8]),
    /// Nothing: only the length is wanted.
    Measure,
}

/// Copies a field. The compiler knows the usual lengths here: otherwise this would be a call of `memcpy`.
#[inline]
fn copy(to: &mut [u8], from: &[u8]) {
    match to.len() {
        8 => to.copy_from_slice(&from[..8]),
        4 => to.copy_from_slice(&from[..4]),
        2 => to.copy_from_slice(&from[..2]),
        _ => to.copy_from_slice(from),
    }
}

/// Goes through the fields of a structure.
pub(crate) struct Cursor<'a> {
    model: Model,
    at: usize,
    /// The greatest alignment of a field.
    align: usize,
    action: Action<'a>,
}

impl<'a> Cursor<'a> {
    /// Lets all fields of `value` be visited; gives the length of the structure.
    fn run<T: Struct>(model: Model, value: &mut T, action: Action<'a>) -> usize {
        let mut cursor = Cursor { model, at: 0, align: 1, action };
        value.visit(&mut cursor);
        cursor.at.next_multiple_of(cursor.align)
    }

    /// A field of `size` bytes, whose number is `value`; gives what it is afterwards. What does not fit
    /// is cut off.
    #[inline]
    fn field(&mut self, size: usize, value: u64) -> u64 {
        let align = if size == 8 { self.model.wide_align } else { size };
        let start = self.at.next_multiple_of(align);
        (self.at, self.align) = (start + size, self.align.max(align));
        let big = self.model.big_endian;
        match &mut self.action {
            Action::Measure => value,
            Action::Write(bytes) => {
                copy(&mut bytes[start..start + size], &self.model.number(value, size)[..size]);
                value
            }
            Action::Read(bytes) => {
                let mut all = [0; 8];
                copy(&mut all[..size], &bytes[start..start + size]);
                if big {
                    u64::from_be_bytes(all) >> (64 - 8 * size)
                } else {
                    u64::from_le_bytes(all)
                }
            }
        }
    }

    /// A structure in this one.
    fn structure<T: Struct>(&mut self, value: &mut T) {
        let align = align::<T>(self.model);
        self.at = self.at.next_multiple_of(align);
        value.visit(self);
        self.at = self.at.next_multiple_of(align);
    }

    /// What follows stands at a multiple of a word.
    fn align_word(&mut self) {
        self.at = self.at.next_multiple_of(self.model.word);
    }

    /// A field of a fixed size.
    fn number<T: Number>(&mut self, value: &mut T) {
        *value = T::from_bits(self.field(size_of::<T>(), value.bits()));
    }

    /// An unsigned word.
    fn word(&mut self, value: &mut u64) {
        *value = self.field(self.model.word, *value);
    }

    /// A signed word.
    fn signed_word(&mut self, value: &mut i64) {
        let size = self.model.word;
        let bits = self.field(size, *value as u64);
        *value = (bits << (64 - 8 * size)) as i64 >> (64 - 8 * size);
    }
}

/// A number in a field.
trait Number: Copy {
    fn bits(self) -> u64;
    fn from_bits(bits: u64) -> Self;
}

macro_rules! numbers {
    ($($type:ty)*) => {
        $(impl Number for $type {
            fn bits(self) -> u64 {
                self as u64
            }
            fn from_bits(bits: u64) -> Self {
                bits as Self
            }
        })*
    };
}

numbers!(u16 i32 u32 i64 u64);

/// The alignment of a structure.
fn align<T: Struct>(model: Model) -> usize {
    let mut cursor = Cursor { model, at: 0, align: 1, action: Action::Measure };
    T::default().visit(&mut cursor);
    cursor.align
}

/// The length of a structure.
pub(crate) fn len<T: Struct>(model: Model) -> usize {
    Cursor::run(model, &mut T::default(), Action::Measure)
}

/// The structure in `bytes`, which are as many as it has.
pub(crate) fn from_bytes<T: Struct>(model: Model, bytes: &[u8]) -> T {
    let mut value = T::default();
    Cursor::run(model, &mut value, Action::Read(bytes));
    value
}

/// Puts `value` into the first of `bytes`; gives how many those are.
pub(crate) fn to_bytes<T: Struct>(model: Model, mut value: T, bytes: &mut [u8]) -> usize {
    Cursor::run(model, &mut value, Action::Write(bytes))
}

/// Reads the structure at `at`.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn read<T: Struct>(model: Model, at: u64) -> Result<T, MemoryFault> {
    let mut bytes = [0; LEN_MAX];
    let bytes = &mut bytes[..len::<T>(model)];
    memory::read(at, bytes)?;
    Ok(from_bytes(model, bytes))
}

/// Writes `value` to `at`.
///
/// # Errors
/// If it cannot be written.
pub(crate) fn write<T: Struct>(model: Model, at: u64, value: T) -> Result<(), MemoryFault> {
    let mut bytes = [0; LEN_MAX];
    let len = to_bytes(model, value, &mut bytes);
    memory::write(at, &bytes[..len])
}

/// Models of architectures that are not emulated yet: the furthest from the host's.
#[cfg(test)]
pub(crate) mod models {
    use super::Model;

    /// 64 bits, big-endian.
    pub(crate) const BIG64: Model = Model { word: 8, big_endian: true, wide_align: 8 };
    /// 32 bits, little-endian, with numbers of 64 bits at multiples of 4.
    pub(crate) const LITTLE32: Model = Model { word: 4, big_endian: false, wide_align: 4 };
    /// The same with these at multiples of 8.
    pub(crate) const ALIGNED32: Model = Model { wide_align: 8, ..LITTLE32 };
}

#[cfg(test)]
mod tests {
    use super::models::{ALIGNED32, BIG64, LITTLE32};
    use super::*;

    /// Sizes of the kernel's structures on five kinds of architecture.
    #[test]
    fn lengths_are_the_kernels() {
        assert_eq!((len::<StatGeneric>(Model::LP64), len::<StatS390x>(BIG64)), (128, 144));
        assert_eq!((len::<Stat64On32>(LITTLE32), len::<Stat64On32>(ALIGNED32)), (96, 104));
        assert_eq!((len::<Msghdr>(Model::LP64), len::<Msghdr>(LITTLE32)), (56, 28));
        assert_eq!((len::<EpollEvent>(Model::LP64), len::<EpollEvent>(LITTLE32)), (16, 12));
        assert_eq!((len::<StackT>(Model::LP64), len::<StackT>(ALIGNED32)), (24, 12));
        assert_eq!((len::<Statfs>(Model::LP64), len::<Rusage>(LITTLE32)), (120, 72));
        assert_eq!((len::<Sysinfo>(Model::LP64), len::<Tms>(LITTLE32)), (112, 16));
        assert_eq!((len::<Itimerspec>(Model::LP64), len::<Itimerval>(LITTLE32)), (32, 16));
        assert_eq!((len::<Timex>(Model::LP64), len::<Timex>(LITTLE32)), (208, 128));
        assert_eq!((len::<SemidDs>(Model::LP64), len::<CloneArgs>(ALIGNED32)), (88, 88));
        assert_eq!(
            (len::<Sigaction>(Model::LP64), len::<SigactionRestorer>(Model::LP64)),
            (24, 32)
        );
    }

    #[test]
    fn fields_are_where_the_architecture_has_them() {
        let child = SiginfoChild {
            signo: 17,
            pid: 0x1234,
            status: -1,
            utime: 5,
            ..SiginfoChild::default()
        };
        let mut bytes = [0; LEN_MAX];
        let len = to_bytes(BIG64, child, &mut bytes);
        assert_eq!(
            (len, &bytes[..4], &bytes[16..20]),
            (48, &[0, 0, 0, 17][..], &[0, 0, 0x12, 0x34][..])
        );
        assert_eq!((&bytes[24..28], bytes[39]), (&[0xff; 4][..], 5));
        assert_eq!(from_bytes::<SiginfoChild>(BIG64, &bytes[..len]), child);
        let time = Timespec { tv_sec: -2, tv_nsec: 7 };
        let len = to_bytes(LITTLE32, time, &mut bytes);
        assert_eq!(bytes[..len], [0xfe, 0xff, 0xff, 0xff, 7, 0, 0, 0]);
        assert_eq!(from_bytes::<Timespec>(LITTLE32, &bytes[..len]), time);
    }

    #[test]
    fn structures_are_read_and_written_in_memory() {
        memory::install_handlers();
        let mut place = [0_u64; 16];
        let at = place.as_mut_ptr() as u64;
        let stat =
            Stat64On32 { ino: 0x1_0000_0002, size: -1, mode: 0o644, ..Stat64On32::default() };
        write(LITTLE32, at, stat).unwrap();
        assert_eq!(read::<Stat64On32>(LITTLE32, at).unwrap(), stat);
        assert_eq!(memory::read_u64(at + 88).unwrap(), 0x1_0000_0002);
        assert!(read::<Timespec>(Model::LP64, 8).is_err());
    }
}
