//! Arguments that point to structures, for guests that lay them out unlike the host.

use super::{Layout, Model, message, siginfo};
use crate::calls::Args;
use crate::strace::{Arg, Count, Way};
use sys::Errno;

/// Most elements of an array: more than any call takes.
const ELEMENTS_MAX: usize = 1 << 16;

/// The arguments of a call with the host's structures in place of the guest's.
pub(crate) struct Converted {
    /// They are good as long as this.
    pub(crate) args: Args,
    model: Model,
    buffers: Vec<Buffer>,
}

/// What the host gets instead of what an argument points to.
struct Buffer {
    form: Form,
    way: Way,
    /// Where the guest has it.
    at: u64,
    host: Vec<u8>,
    /// What the host's bytes point to.
    _more: Vec<Vec<u8>>,
}

/// What it is.
#[derive(Clone, Copy)]
enum Form {
    /// So many structures. `results`: of those that the call writes there are as many as its result.
    Array { layout: Layout, count: usize, results: bool },
    /// Words of bits, of which the guest has so many bytes. `results`: as many of them as the call's
    /// result are written.
    Bits { len: usize, results: bool },
    /// What is told of a signal.
    Siginfo,
    /// Headers of messages of so many bytes each, with the length of what was sent behind each.
    Messages { count: usize, size: usize },
    /// A `struct sockaddr` of so many bytes, of which only the family changes.
    Name(usize),
    /// One that the call writes where the guest wants it.
    Peer,
}

impl Converted {
    /// The arguments `args`, of types `types`, of a guest with `model`.
    ///
    /// # Errors
    /// If what the call reads cannot be read.
    pub(crate) fn new(model: Model, types: &[Arg], args: Args) -> Result<Self, Errno> {
        let mut converted = Self { args, model, buffers: Vec::new() };
        for (n, &arg) in types.iter().enumerate().filter(|&(n, _)| args[n] != 0) {
            let count = |count| match count {
                Count::Fixed(count) => Ok(usize::from(count)),
                Count::Argument(n) => number(types, &args, n.into()),
            };
            let one = |way, layout| {
                Ok::<_, Errno>((way, Form::Array { layout, count: 1, results: false }))
            };
            let (way, form) = match arg {
                Arg::In(layout) => one(Way::In, layout)?,
                Arg::Out(layout) => one(Way::Out, layout)?,
                Arg::Inout(layout) => one(Way::Inout, layout)?,
                Arg::Iovec => {
                    let count = number(types, &args, n + 1)?;
                    (Way::In, Form::Array { layout: Layout::Iovec, count, results: false })
                }
                Arg::Array(way, layout, elements) => {
                    let results = way == Way::Out && matches!(elements, Count::Argument(_));
                    (way, Form::Array { layout, count: count(elements)?, results })
                }
                Arg::Sigset => (Way::In, Form::Bits { len: 8, results: false }),
                Arg::Bits(way, bits) => {
                    let len = count(bits)?.div_ceil(8).next_multiple_of(model.word);
                    (way, Form::Bits { len, results: false })
                }
                Arg::Mask(way, bytes) => {
                    (way, Form::Bits { len: count(bytes)?, results: way == Way::Out })
                }
                Arg::Siginfo(way) => (way, Form::Siginfo),
                Arg::Messages(None) => {
                    (Way::In, Form::Messages { count: 1, size: message::len(model, false) })
                }
                Arg::Messages(Some(elements)) => {
                    let size = message::len(model, true);
                    (Way::Inout, Form::Messages { count: count(elements)?, size })
                }
                Arg::Sockaddr if model.big_endian != Model::HOST.big_endian => {
                    (Way::In, Form::Name(number(types, &args, n + 1)?))
                }
                Arg::Peer if model.big_endian != Model::HOST.big_endian => (Way::Out, Form::Peer),
                _ => continue,
            };
            converted.add(n, way, form)?;
            if let Arg::Mask(_, Count::Argument(n)) = arg {
                // The host wants whole words of its own.
                let n = usize::from(n);
                converted.args[n] = args[n].next_multiple_of(Model::HOST.word as u64);
            }
        }
        Ok(converted)
    }

    /// Replaces argument `n`.
    fn add(&mut self, n: usize, way: Way, form: Form) -> Result<(), Errno> {
        let (model, at) = (self.model, self.args[n]);
        let mut more = Vec::new();
        let host = match form {
            Form::Array { layout, count, .. } => {
                let shape = layout.shape();
                let (size, ours) = ((shape.len)(model), (shape.len)(Model::HOST));
                let mut host = vec![0; ours * count];
                if way.reads() {
                    let guest = memory::read_vec(at, size * count)?;
                    for (from, to) in guest.chunks(size).zip(host.chunks_mut(ours)) {
                        (shape.convert)((model, from), (Model::HOST, to));
                    }
                }
                host
            }
            Form::Bits { len, .. } => {
                let mut host = vec![0; len.next_multiple_of(Model::HOST.word)];
                if way.reads() {
                    copy_bits((model, &memory::read_vec(at, len)?), (Model::HOST, &mut host));
                }
                host
            }
            Form::Siginfo => {
                let mut host = vec![0; siginfo::LEN];
                if way.reads() {
                    let guest = memory::read_vec(at, siginfo::LEN)?;
                    siginfo::convert((model, &guest), (Model::HOST, &mut host));
                }
                host
            }
            Form::Messages { count, size } => message::to_host(model, at, count, size, &mut more)?,
            Form::Name(len) => message::family_reversed(memory::read_vec(at, len)?),
            Form::Peer => Vec::new(),
        };
        let mut buffer = Buffer { form, way, at, host, _more: more };
        if !matches!(form, Form::Peer) {
            self.args[n] = buffer.host.as_mut_ptr() as u64;
        }
        self.buffers.push(buffer);
        Ok(())
    }

    /// The call has been made, with this result: gives the guest what it has written.
    ///
    /// # Errors
    /// If that cannot be written.
    pub(crate) fn finish(self, result: u64) -> Result<(), Errno> {
        let model = self.model;
        for buffer in self.buffers.iter().filter(|buffer| buffer.way.writes()) {
            // The kernel has written it behind the compiler's back.
            let host = std::hint::black_box(&buffer.host);
            let result = usize::try_from(result).unwrap_or(usize::MAX);
            match buffer.form {
                Form::Array { layout, count, results } => {
                    let shape = layout.shape();
                    let (size, ours) = ((shape.len)(model), (shape.len)(Model::HOST));
                    let mut guest = vec![0; size * if results { count.min(result) } else { count }];
                    for (from, to) in host.chunks(ours).zip(guest.chunks_mut(size)) {
                        (shape.convert)((Model::HOST, from), (model, to));
                    }
                    memory::write(buffer.at, &guest)?;
                }
                Form::Bits { len, results } => {
                    let len = if results { len.min(result) } else { len };
                    let mut guest = vec![0; len.next_multiple_of(model.word)];
                    copy_bits((Model::HOST, host), (model, &mut guest));
                    memory::write(buffer.at, &guest[..len])?;
                }
                Form::Siginfo => {
                    let mut guest = vec![0; siginfo::LEN];
                    siginfo::convert((Model::HOST, host), (model, &mut guest));
                    memory::write(buffer.at, &guest)?;
                }
                Form::Messages { count, size } => {
                    message::lengths_to_guest(model, buffer.at, count.min(result), size, host)?;
                }
                Form::Name(_) => {}
                Form::Peer => {
                    let family = message::family_reversed(memory::read_vec(buffer.at, 2)?);
                    memory::write(buffer.at, &family)?;
                }
            }
        }
        Ok(())
    }
}

/// The number in argument `n`.
fn number(types: &[Arg], args: &Args, n: usize) -> Result<usize, Errno> {
    let value = args.get(n).copied().unwrap_or_default();
    let value = match types.get(n) {
        Some(Arg::Int | Arg::Uint) => u64::from(value as u32),
        _ => value,
    };
    usize::try_from(value).ok().filter(|&n| n <= ELEMENTS_MAX).ok_or(Errno::EINVAL)
}

/// Copies words of bits, of which bit 0 is the lowest of the first word.
fn copy_bits((from, bytes): (Model, &[u8]), (to, out): (Model, &mut [u8])) {
    let place = |model: Model, n: usize| match model.big_endian {
        true => n / model.word * model.word + (model.word - 1 - n % model.word),
        false => n,
    };
    for n in 0..bytes.len().min(out.len()) {
        if let (Some(&byte), Some(out)) = (bytes.get(place(from, n)), out.get_mut(place(to, n))) {
            *out = byte;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::models::{BIG64, LITTLE32};
    use crate::layout::{Int, Iovec, Pollfd, Timespec, read, write};

    const BIG32: Model = Model { big_endian: true, ..LITTLE32 };

    #[test]
    fn structures_are_converted_on_the_way_in_and_out() {
        memory::install_handlers();
        let mut guest = [0_u64; 4];
        let (first, second) = (guest.as_mut_ptr() as u64, guest.as_mut_ptr() as u64 + 16);
        write(BIG32, first, Timespec { tv_sec: 1, tv_nsec: 2 }).unwrap();
        let types = [Arg::In(Layout::Timespec), Arg::Int, Arg::Out(Layout::Timespec), Arg::Hex];
        let converted = Converted::new(BIG32, &types, [first, 5, second, 0, 0, 0]).unwrap();
        let [one, five, other, ..] = converted.args;
        assert_eq!(five, 5);
        let time: Timespec = read(Model::HOST, one).unwrap();
        assert_eq!(time, Timespec { tv_sec: 1, tv_nsec: 2 });
        write(Model::HOST, other, Timespec { tv_sec: -1, tv_nsec: 9 }).unwrap();
        converted.finish(0).unwrap();
        assert_eq!(
            memory::read_u64(second).unwrap().to_le_bytes(),
            [255, 255, 255, 255, 0, 0, 0, 9]
        );
        assert!(Converted::new(BIG32, &types, [8, 0, 0, 0, 0, 0]).is_err());
        assert_eq!(Converted::new(BIG32, &types, [0; 6]).unwrap().args, [0; 6]);
    }

    #[test]
    fn arrays_have_as_many_elements_as_an_argument_says() {
        memory::install_handlers();
        let mut place = [0_u64; 8];
        let at = place.as_mut_ptr() as u64;
        let one = Pollfd { fd: 3, events: 1, revents: 0 };
        write(BIG64, at, one).unwrap();
        write(BIG64, at + 8, Pollfd { fd: -1, ..one }).unwrap();
        let types = [Arg::Array(Way::Inout, Layout::Pollfd, Count::Argument(1)), Arg::Uint];
        // (The upper half of a 32-bit argument does not count.)
        let converted = Converted::new(BIG64, &types, [at, 2 | 7 << 32, 0, 0, 0, 0]).unwrap();
        let host = converted.args[0];
        assert_eq!(read::<Pollfd>(Model::HOST, host + 8).unwrap(), Pollfd { fd: -1, ..one });
        write(Model::HOST, host, Pollfd { revents: 5, ..one }).unwrap();
        converted.finish(1).unwrap();
        assert_eq!(read::<Pollfd>(BIG64, at).unwrap().revents, 5);
        assert!(Converted::new(BIG64, &types, [at, 1 << 20, 0, 0, 0, 0]).is_err());

        // Only what the call has written is written: its result says how much.
        let types = [Arg::Int, Arg::Array(Way::Out, Layout::Int, Count::Argument(0))];
        write(BIG64, at + 4, Int { value: 77 }).unwrap();
        let converted = Converted::new(BIG64, &types, [4, at, 0, 0, 0, 0]).unwrap();
        write(Model::HOST, converted.args[1], Int { value: 1000 }).unwrap();
        converted.finish(1).unwrap();
        let values = [at, at + 4].map(|at| read::<Int>(BIG64, at).unwrap().value);
        assert_eq!(values, [1000, 77]);
    }

    #[test]
    fn buffers_keep_their_addresses() {
        memory::install_handlers();
        let mut place = [0_u64; 4];
        let at = place.as_mut_ptr() as u64;
        let types = [Arg::Fd, Arg::Iovec, Arg::Int];
        for model in [LITTLE32, BIG64] {
            let size = super::super::len::<Iovec>(model) as u64;
            write(model, at, Iovec { base: 0x1234, len: 10 }).unwrap();
            write(model, at + size, Iovec { base: 0xffff_fff0, len: 3 }).unwrap();
            let converted = Converted::new(model, &types, [1, at, 2, 0, 0, 0]).unwrap();
            let host = [0, 16].map(|n| read::<Iovec>(Model::HOST, converted.args[1] + n).unwrap());
            assert_eq!(host.map(|part| part.base), [0x1234, 0xffff_fff0]);
            assert_eq!(host.map(|part| part.len), [10, 3]);
            converted.finish(13).unwrap();
        }
    }

    #[test]
    fn bits_stay_in_their_places() {
        memory::install_handlers();
        let mut place = [0_u8; 32];
        let at = place.as_mut_ptr() as u64;
        let set = |bits: &[usize]| {
            let mut words = [0_u64; 2];
            bits.iter().for_each(|bit| words[bit / 64] |= 1 << (bit % 64));
            words
        };
        let host = |at: u64| [0, 8].map(|n| memory::read_u64(at + n).unwrap());
        let types = [Arg::Int, Arg::Bits(Way::Inout, Count::Argument(0))];
        // Bits 0, 33 and 65 of words of 32 and 64 bits, of both byte orders.
        for (model, bytes) in [(LITTLE32, [0, 4, 8]), (BIG32, [3, 7, 11]), (BIG64, [7, 3, 15])] {
            let mut guest = [0; 16];
            bytes.into_iter().zip([1, 2, 2]).for_each(|(n, bit)| guest[n] |= bit);
            memory::write(at, &guest).unwrap();
            let converted = Converted::new(model, &types, [66, at, 0, 0, 0, 0]).unwrap();
            assert_eq!(host(converted.args[1]), set(&[0, 33, 65]), "{model:?}");
            converted.finish(1).unwrap();
            assert_eq!(memory::read_vec(at, 16).unwrap(), guest, "{model:?}");
        }
        // A mask of 4 bytes is one of 8 for the host.
        let types = [Arg::Pid, Arg::Size, Arg::Mask(Way::Out, Count::Argument(1))];
        memory::write(at, &[0xff; 16]).unwrap();
        let converted = Converted::new(BIG32, &types, [0, 4, at, 0, 0, 0]).unwrap();
        assert_eq!(converted.args[1], 8);
        memory::write(converted.args[2], &3_u64.to_le_bytes()).unwrap();
        converted.finish(8).unwrap();
        assert_eq!(memory::read_vec(at, 5).unwrap(), [0, 0, 0, 3, 0xff]);
    }
}
