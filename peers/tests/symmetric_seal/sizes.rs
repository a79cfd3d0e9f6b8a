use symmetric_seal::Opener;

pub(crate) const FEW: [usize; 4] = [1, 2, 3, 16];
pub(crate) const MANY: [usize; 1] = [1024];

/// Content that shows when pieces of it are in another place: every 64 octets, as many as the smallest chunk has, begin with
/// a number of their own. Made of few steps, as they are not optimised here.
pub(crate) fn content(octets: usize) -> Vec<u8> {
    let block: Vec<u8> = (0..64).collect();
    let mut content = block.repeat(octets.div_ceil(block.len()));
    for (number, block) in (0_u32..).zip(content.chunks_exact_mut(block.len())) {
        block[..4].copy_from_slice(&number.wrapping_mul(2_654_435_761).to_le_bytes());
    }
    content.truncate(octets);
    content
}

/// Octets of plaintext in a message: the literal packet with its head.
pub(crate) fn plaintext(message: &[u8]) -> usize {
    let seen = Opener::new().inspect(message).unwrap();
    let (all, sealed) = (seen.encrypted_length() as usize - 16, seen.chunk() + 16);
    let full = all / sealed * seen.chunk();
    full + (all % sealed).saturating_sub(16)
}

/// Messages whose plaintext is one octet less than, as much as, and one more than so many chunks, each with its content.
/// How long a head is depends on the content's length, so it is tried.
pub(crate) fn around(
    chunks: usize,
    chunk: usize,
    mut seal: impl FnMut(&[u8]) -> Vec<u8>,
    mut then: impl FnMut(&[u8], &[u8]),
) {
    for wanted in [chunks * chunk - 1, chunks * chunk, chunks * chunk + 1] {
        let mut octets = wanted - 8;
        let mut tries = 0;
        loop {
            let content = content(octets);
            let message = seal(&content);
            let is = plaintext(&message);
            if is == wanted {
                then(&message, &content);
                break;
            }
            octets = octets + wanted - is;
            tries += 1;
            assert!(tries < 8, "{wanted} octets of plaintext cannot be made");
        }
    }
}
