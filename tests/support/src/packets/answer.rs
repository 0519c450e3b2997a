//! The responses that programs send to queries, as the reference for the programs.

use std::net::Ipv6Addr;

use super::message::{Asked, checksum};
use super::model::Facts;

/// The response to a query, with these flags beside QR and RD and this RCODE; `None` if the query gets no response.
pub fn answer(
    frame: &[u8],
    facts: &Facts,
    asked: &Asked,
    truncated: bool,
    rcode: u8,
) -> Option<Vec<u8>> {
    let (source_port, _) = facts.ports?;
    let reflects = [0, 7, 13, 17, 19, 37].contains(&source_port);
    if !facts.plain || facts.fragment || reflects || (frame[0] | frame[6]) & 1 != 0 {
        return None;
    }
    let ends = [facts.source, facts.destination];
    if ends[0] == ends[1] || ends.iter().any(|end| is_martian(end, facts.is_ip4)) {
        return None;
    }
    let mut answer = frame[..asked.behind].to_vec();
    let flags = &mut answer[asked.begin..];
    flags[2] = 0x80 | u8::from(truncated) << 1 | flags[2] & 1;
    flags[3] = flags[3] & 0x10 | rcode;
    flags[8..12].copy_from_slice(&[0, 0, 0, u8::from(asked.opt.is_some())]);
    if let Some(opt) = asked.opt {
        let wants_dnssec = frame[opt + 7] & 0x80;
        answer.extend([0, 0, 41, 0x04, 0xd0, 0, 0, wants_dnssec, 0, 0, 0]);
    }
    swap(&mut answer, 0, 6, 6);
    swap(&mut answer, facts.transport, facts.transport + 2, 2);
    let length = u16::try_from(answer.len() - facts.transport).unwrap();
    answer[facts.transport + 4..][..2].copy_from_slice(&length.to_be_bytes());
    answer[facts.transport + 6..][..2].fill(0);
    let ip = facts.ip;
    let addresses = if facts.is_ip4 {
        swap(&mut answer, ip + 12, ip + 16, 4);
        answer[ip + 2..][..2].copy_from_slice(&(length + 20).to_be_bytes());
        answer[ip + 8] = 64;
        answer[ip + 10..][..2].fill(0);
        let sum = checksum(&[&answer[ip..ip + 20]]);
        answer[ip + 10..][..2].copy_from_slice(&sum.to_be_bytes());
        ip + 12..ip + 20
    } else {
        swap(&mut answer, ip + 8, ip + 24, 16);
        answer[ip + 4..][..2].copy_from_slice(&length.to_be_bytes());
        answer[ip + 7] = 64;
        ip + 8..ip + 40
    };
    let pseudo = [[0, 17], length.to_be_bytes()].concat();
    let sum = checksum(&[&answer[addresses], &pseudo, &answer[facts.transport..]]);
    let sum = if sum == 0 { 0xffff } else { sum };
    answer[facts.transport + 6..][..2].copy_from_slice(&sum.to_be_bytes());
    if let Some(at) = facts.ppp_length {
        let length = u16::try_from(answer.len() - at - 2).unwrap();
        answer[at..][..2].copy_from_slice(&length.to_be_bytes());
    }
    Some(answer)
}

/// True for an address that no host can have as its own.
fn is_martian(address: &Ipv6Addr, is_ip4: bool) -> bool {
    if is_ip4 {
        let first = address.octets()[12];
        return first == 0 || first == 127 || first >= 224;
    }
    let mapped = address.to_ipv4_mapped().is_some();
    mapped || address.is_multicast() || u128::from(*address) >> 32 == 0
}

fn swap(bytes: &mut [u8], first: usize, second: usize, size: usize) {
    for offset in 0..size {
        bytes.swap(first + offset, second + offset);
    }
}
