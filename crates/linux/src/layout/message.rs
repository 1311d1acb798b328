//! `struct msghdr` with what it points to: the buffers of a message and its control data.

use super::{Cmsghdr, Iovec, Model, Msghdr, from_bytes, read, to_bytes, write};
use memory::MemoryFault;

/// Most buffers (`UIO_MAXIOV`), longest control data.
const BUFFERS_MAX: u64 = 1024;
const CONTROL_MAX: u64 = 1 << 20;
/// `SCM_RIGHTS`: descriptors.
const RIGHTS: (i32, i32) = (libc::SOL_SOCKET, libc::SCM_RIGHTS);

/// Bytes of a header; `counted`: with the length of what was sent (`struct mmsghdr`).
pub(super) fn len(model: Model, counted: bool) -> usize {
    let header = super::len::<Msghdr>(model);
    if counted { (header + 4).next_multiple_of(model.word) } else { header }
}

/// The host's headers for `count` of the guest's at `at`, each of `size` bytes. What they point to is
/// appended to `more`.
///
/// # Errors
/// If something cannot be read.
pub(super) fn to_host(
    model: Model,
    at: u64,
    count: usize,
    size: usize,
    more: &mut Vec<Vec<u8>>,
) -> Result<Vec<u8>, MemoryFault> {
    let ours = len(Model::HOST, size != len(model, false));
    let mut host = vec![0; ours * count];
    for (n, out) in host.chunks_mut(ours).enumerate() {
        let mut header: Msghdr = read(model, at + (n * size) as u64)?;
        if header.iovlen > BUFFERS_MAX || header.controllen > CONTROL_MAX {
            // The kernel refuses the message.
            to_bytes(Model::HOST, header, out);
            continue;
        }
        let mut keep = |bytes: Vec<u8>| {
            more.push(bytes);
            more.last_mut().map_or(0, |bytes| bytes.as_mut_ptr() as u64)
        };
        if header.iov != 0 {
            header.iov = keep(buffers_to_host(model, header.iov, header.iovlen)?);
        }
        if header.name != 0 && model.big_endian != Model::HOST.big_endian {
            let name = memory::read_vec(header.name, header.namelen.clamp(0, 128) as usize)?;
            header.name = keep(family_reversed(name));
        }
        if header.control != 0 {
            let control = memory::read_vec(header.control, header.controllen as usize)?;
            let control = convert_control((model, &control), Model::HOST);
            header.controllen = control.len() as u64;
            header.control = keep(control);
        }
        to_bytes(Model::HOST, header, out);
    }
    Ok(host)
}

/// A `struct sockaddr` with the family in the other byte order.
pub(super) fn family_reversed(mut name: Vec<u8>) -> Vec<u8> {
    if let Some(family) = name.first_chunk_mut::<2>() {
        family.reverse();
    }
    name
}

fn buffers_to_host(model: Model, at: u64, count: u64) -> Result<Vec<u8>, MemoryFault> {
    let (size, ours) = (super::len::<Iovec>(model), super::len::<Iovec>(Model::HOST));
    let guest = memory::read_vec(at, size * count as usize)?;
    let mut host = vec![0; ours * count as usize];
    for (from, to) in guest.chunks(size).zip(host.chunks_mut(ours)) {
        to_bytes(Model::HOST, from_bytes::<Iovec>(model, from), to);
    }
    Ok(host)
}

/// Control data as `to` lays it out. What follows something malformed is left out.
pub(super) fn convert_control((from, bytes): (Model, &[u8]), to: Model) -> Vec<u8> {
    let (head, head_to) = (super::len::<Cmsghdr>(from), super::len::<Cmsghdr>(to));
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(head_bytes) = bytes.get(at..at + head) {
        let mut header: Cmsghdr = from_bytes(from, head_bytes);
        let len = usize::try_from(header.len).unwrap_or(usize::MAX);
        let Some(data) = at.checked_add(len).and_then(|end| bytes.get(at + head..end)) else {
            break;
        };
        let data = match (header.level, header.kind) {
            RIGHTS if from.big_endian != to.big_endian => numbers_reversed(data),
            _ => data.to_vec(),
        };
        header.len = (head_to + data.len()) as u64;
        let start = out.len();
        out.resize(start + head_to, 0);
        to_bytes(to, header, &mut out[start..]);
        out.extend(data);
        out.resize(out.len().next_multiple_of(to.word), 0);
        at += len.next_multiple_of(from.word);
    }
    out
}

/// Numbers of 32 bits in the other byte order.
fn numbers_reversed(data: &[u8]) -> Vec<u8> {
    data.chunks(4).flat_map(|number| number.iter().rev().copied()).collect()
}

/// Tells the guest how much was sent of each of the first `count` messages.
///
/// # Errors
/// If that cannot be written.
pub(super) fn lengths_to_guest(
    model: Model,
    at: u64,
    count: usize,
    size: usize,
    host: &[u8],
) -> Result<(), MemoryFault> {
    let (header, ours) = (len(model, false) as u64, len(Model::HOST, false));
    let all = host.chunks(len(Model::HOST, true)).take(count);
    for (n, message) in all.enumerate() {
        let sent: super::Uint = from_bytes(Model::HOST, &message[ours..ours + 4]);
        write(model, at + (n * size) as u64 + header, sent)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::models::{BIG64, LITTLE32};
    use crate::layout::{Uint, len as len_of};

    /// A message of a 32-bit program with two buffers and a descriptor, and what the host gets.
    #[test]
    fn messages_are_converted_with_what_they_point_to() {
        memory::install_handlers();
        let mut place = [0_u64; 64];
        let at = place.as_mut_ptr() as u64;
        for model in [LITTLE32, BIG64] {
            let (vector, control) = (at + 128, at + 256);
            let buffer = len_of::<Iovec>(model) as u64;
            // (Addresses of 32 bits; where it matters they are read here.)
            write(model, vector, Iovec { base: 0x1000, len: 4 }).unwrap();
            write(model, vector + buffer, Iovec { base: 0x2000, len: 6 }).unwrap();
            let head = len_of::<Cmsghdr>(model) as u64;
            let rights = Cmsghdr { len: head + 4, level: RIGHTS.0, kind: RIGHTS.1 };
            write(model, control, rights).unwrap();
            write(model, control + head, Uint { value: 7 }).unwrap();
            let header = Msghdr {
                iov: vector,
                iovlen: 2,
                control,
                controllen: head + model.word.max(4) as u64,
                ..Msghdr::default()
            };
            if model.word == 4 {
                // Addresses of this process do not fit: the parts one by one.
                let host = buffers_to_host(model, vector, 2).unwrap();
                let second: Iovec = from_bytes(Model::HOST, &host[16..]);
                assert_eq!(second, Iovec { base: 0x2000, len: 6 });
                let guest = memory::read_vec(control, header.controllen as usize).unwrap();
                let host = convert_control((model, &guest), Model::HOST);
                assert_eq!((host.len(), host[0], host[16]), (24, 20, 7));
                let back = convert_control((Model::HOST, &host), model);
                assert_eq!(back, guest);
                continue;
            }
            let size = len(model, true);
            write(model, at, header).unwrap();
            let mut more = Vec::new();
            let host = to_host(model, at, 1, size, &mut more).unwrap();
            let seen: Msghdr = from_bytes(Model::HOST, &host);
            assert_eq!((seen.iovlen, seen.controllen), (2, 24));
            let first: Iovec = read(Model::HOST, seen.iov).unwrap();
            assert_eq!(first, Iovec { base: 0x1000, len: 4 });
            let rights: Cmsghdr = read(Model::HOST, seen.control).unwrap();
            assert_eq!((rights.len, rights.level, rights.kind), (20, RIGHTS.0, RIGHTS.1));
            assert_eq!(read::<Uint>(Model::HOST, seen.control + 16).unwrap().value, 7);
            let mut sent = host.clone();
            let behind = len(Model::HOST, false);
            to_bytes(Model::HOST, Uint { value: 10 }, &mut sent[behind..]);
            lengths_to_guest(model, at, 1, size, &sent).unwrap();
            let told: Uint = read(model, at + len(model, false) as u64).unwrap();
            assert_eq!(told.value, 10);
        }
    }

    #[test]
    fn malformed_control_data_ends_where_it_is() {
        let mut bytes = [0; 32];
        to_bytes(LITTLE32, Cmsghdr { len: 14, level: 1, kind: 2 }, &mut bytes);
        to_bytes(LITTLE32, Cmsghdr { len: 4, level: 1, kind: 2 }, &mut bytes[16..]);
        assert_eq!(convert_control((LITTLE32, &bytes), Model::HOST).len(), 24);
        assert!(convert_control((LITTLE32, &bytes[..11]), Model::HOST).is_empty());
    }
}
