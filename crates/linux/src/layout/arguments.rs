//! Arguments that point to structures, for guests that lay them out unlike the host.

use super::Model;
use crate::calls::Args;
use crate::strace::Arg;
use memory::MemoryFault;

/// The arguments of a call with the host's structures in place of the guest's.
pub(crate) struct Converted {
    /// They are good as long as this.
    pub(crate) args: Args,
    model: Model,
    /// Which argument, where the guest has it, and the host's bytes.
    buffers: Vec<(Arg, u64, Vec<u8>)>,
}

impl Converted {
    /// The arguments `args`, of types `types`, of a guest with `model`.
    ///
    /// # Errors
    /// If a structure that the call reads cannot be read.
    pub(crate) fn new(model: Model, types: &[Arg], mut args: Args) -> Result<Self, MemoryFault> {
        let mut buffers = Vec::new();
        for (&arg, value) in types.iter().zip(&mut args).filter(|(_, value)| **value != 0) {
            let (Arg::In(layout) | Arg::Out(layout) | Arg::Inout(layout)) = arg else { continue };
            let shape = layout.shape();
            let mut host = vec![0; (shape.len)(Model::HOST)];
            if !matches!(arg, Arg::Out(_)) {
                let guest = memory::read_vec(*value, (shape.len)(model))?;
                (shape.convert)((model, &guest), (Model::HOST, &mut host));
            }
            let at = core::mem::replace(value, host.as_mut_ptr() as u64);
            buffers.push((arg, at, host));
        }
        Ok(Self { args, model, buffers })
    }

    /// The call has been made: gives the guest what it has written.
    ///
    /// # Errors
    /// If that cannot be written.
    pub(crate) fn finish(self) -> Result<(), MemoryFault> {
        for (arg, at, host) in &self.buffers {
            let (Arg::Out(layout) | Arg::Inout(layout)) = arg else { continue };
            let shape = layout.shape();
            let mut guest = vec![0; (shape.len)(self.model)];
            // The kernel has written it behind the compiler's back.
            (shape.convert)((Model::HOST, std::hint::black_box(host)), (self.model, &mut guest));
            memory::write(*at, &guest)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::{Layout, Timespec, read, write};

    #[test]
    fn structures_are_converted_on_the_way_in_and_out() {
        memory::install_handlers();
        let model = Model { word: 4, big_endian: true, wide_align: 8 };
        let mut guest = [0_u64; 4];
        let (first, second) = (guest.as_mut_ptr() as u64, guest.as_mut_ptr() as u64 + 16);
        write(model, first, Timespec { tv_sec: 1, tv_nsec: 2 }).unwrap();
        let types = [Arg::In(Layout::Timespec), Arg::Int, Arg::Out(Layout::Timespec), Arg::Hex];
        let converted = Converted::new(model, &types, [first, 5, second, 0, 0, 0]).unwrap();
        let [one, five, other, ..] = converted.args;
        assert_eq!(five, 5);
        let time: Timespec = read(Model::HOST, one).unwrap();
        assert_eq!(time, Timespec { tv_sec: 1, tv_nsec: 2 });
        write(Model::HOST, other, Timespec { tv_sec: -1, tv_nsec: 9 }).unwrap();
        converted.finish().unwrap();
        assert_eq!(
            memory::read_u64(second).unwrap().to_le_bytes(),
            [255, 255, 255, 255, 0, 0, 0, 9]
        );
        assert!(Converted::new(model, &types, [8, 0, 0, 0, 0, 0]).is_err());
        assert_eq!(Converted::new(model, &types, [0; 6]).unwrap().args, [0; 6]);
    }
}
