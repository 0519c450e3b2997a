//! BPF instructions in the kernel's encoding (`struct bpf_insn`).

/// `BPF_LD | BPF_IMM | BPF_DW`: a 64-bit load, the only instruction of two slots.
pub(super) const LD_IMM64: u8 = 0x18;
/// `BPF_JMP | BPF_CALL`.
pub(super) const CALL: u8 = 0x85;

/// `BPF_JMP | BPF_EXIT`.
pub(super) const EXIT: u8 = 0x95;
/// `BPF_X`: the source is a register, not the immediate.
pub(super) const BPF_X: u8 = 0x08;

/// Bits of the class in the opcode.
const BPF_CLASS_MASK: u8 = 0x07;
/// Bits of the size in the opcode of a load or store.
pub(super) const BPF_SIZE_MASK: u8 = 0x18;
/// Sizes of 4, 2, 1 and 8 bytes (`BPF_SIZE`).
pub(super) const BPF_W: u8 = 0x00;
pub(super) const BPF_H: u8 = 0x08;
pub(super) const BPF_B: u8 = 0x10;
pub(super) const BPF_DW: u8 = 0x18;

/// Classes of instructions (`BPF_CLASS`), the lowest three bits of the opcode.
pub(super) mod class {
    pub(crate) const LD: u8 = 0;
    pub(crate) const LDX: u8 = 1;
    pub(crate) const ST: u8 = 2;
    pub(crate) const STX: u8 = 3;
    pub(crate) const ALU: u8 = 4;
    pub(crate) const JMP: u8 = 5;
    pub(crate) const JMP32: u8 = 6;
    pub(crate) const ALU64: u8 = 7;
}

/// `enum xdp_action`: the packet leaves through the interface by which it came.
pub(super) const XDP_TX: i32 = 3;

/// Numbers of kernel helpers, `BPF_FUNC_*` (`linux/bpf.h`).
pub(super) const MAP_LOOKUP_ELEM: i32 = 1;
pub(super) const MAP_UPDATE_ELEM: i32 = 2;
pub(super) const MAP_DELETE_ELEM: i32 = 3;
pub(super) const KTIME_GET_NS: i32 = 5;
pub(super) const GET_PRANDOM_U32: i32 = 7;
pub(super) const TAIL_CALL: i32 = 12;
/// Since 5.8, as the next two.
pub(super) const RINGBUF_RESERVE: i32 = 131;
pub(super) const RINGBUF_SUBMIT: i32 = 132;
pub(super) const RINGBUF_QUERY: i32 = 134;

/// Values of the source register in [`CALL`] and [`LD_IMM64`], `BPF_PSEUDO_*` (`linux/bpf.h`).
pub(super) mod pseudo {
    /// The immediate is the descriptor of a map.
    pub(crate) const MAP_FD: u8 = 1;
    /// The immediates are the descriptor of a map, and an offset in the map's first value (5.2).
    pub(crate) const MAP_VALUE: u8 = 2;
    /// The call target is a function of this program (4.16).
    pub(crate) const CALL: u8 = 1;
    /// The call target is a function of the kernel (5.13).
    pub(crate) const KFUNC_CALL: u8 = 2;
}

/// One instruction slot of eight bytes: opcode, registers, 16-bit offset, 32-bit immediate; little-endian.
///
/// A 64-bit load has two slots; the immediate of the second is the upper half of the constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Insn([u8; Insn::SIZE]);

impl Insn {
    /// Bytes of a slot.
    pub const SIZE: usize = 8;

    /// Decodes a slot.
    pub const fn from_bytes(bytes: [u8; Self::SIZE]) -> Self {
        Self(bytes)
    }

    /// Encodes the slot.
    pub const fn to_bytes(self) -> [u8; Self::SIZE] {
        self.0
    }

    /// Opcode: class, operation and source or size.
    pub const fn opcode(self) -> u8 {
        self.0[0]
    }

    /// Class of the instruction, one of [`class`].
    pub(super) const fn class(self) -> u8 {
        self.0[0] & BPF_CLASS_MASK
    }

    /// Destination register, 0 to 15 (the kernel has 0 to 10).
    pub const fn dst(self) -> u8 {
        self.0[1] & 0x0f
    }

    /// Source register, 0 to 15, or one of the kernel's `BPF_PSEUDO_*`.
    pub const fn src(self) -> u8 {
        self.0[1] >> 4
    }

    /// Jump offset in slots, or memory offset in bytes.
    pub const fn off(self) -> i16 {
        i16::from_le_bytes([self.0[2], self.0[3]])
    }

    /// Immediate.
    pub const fn imm(self) -> i32 {
        i32::from_le_bytes([self.0[4], self.0[5], self.0[6], self.0[7]])
    }

    /// True if the instruction is a 64-bit load, which has a second slot.
    pub const fn is_wide(self) -> bool {
        self.opcode() == LD_IMM64
    }

    /// True if the instruction calls one of these helpers.
    pub(super) fn calls(self, helpers: &[i32]) -> bool {
        self.opcode() == CALL && self.src() == 0 && helpers.contains(&self.imm())
    }

    /// The instruction with these fields.
    pub(super) const fn new(opcode: u8, dst: u8, src: u8, off: i16, imm: i32) -> Self {
        Self([opcode, src << 4 | dst, 0, 0, 0, 0, 0, 0])
            .with_off(off)
            .with_imm(imm)
    }

    /// A call of the helper with this number.
    pub(super) const fn call(helper: i32) -> Self {
        Self([CALL, 0, 0, 0, 0, 0, 0, 0]).with_imm(helper)
    }

    pub(super) const fn with_opcode(mut self, opcode: u8) -> Self {
        self.0[0] = opcode;
        self
    }

    pub(super) const fn with_off(mut self, off: i16) -> Self {
        [self.0[2], self.0[3]] = off.to_le_bytes();
        self
    }

    pub(super) const fn with_src(mut self, src: u8) -> Self {
        self.0[1] = self.0[1] & 0x0f | src << 4;
        self
    }

    pub(super) const fn with_imm(mut self, imm: i32) -> Self {
        [self.0[4], self.0[5], self.0[6], self.0[7]] = imm.to_le_bytes();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_decode_as_in_the_kernel() {
        // `r2 = map[id:…]` and `if r3 != 5 goto -2` in the syntax of llvm-objdump.
        let load = Insn::from_bytes([0x18, 0x12, 0, 0, 0x2a, 0, 0, 0]);
        assert_eq!(
            (
                load.opcode(),
                load.dst(),
                load.src(),
                load.off(),
                load.imm()
            ),
            (LD_IMM64, 2, 1, 0, 42)
        );
        assert!(load.is_wide());
        let jump = Insn::from_bytes([0x55, 0x03, 0xfe, 0xff, 5, 0, 0, 0]);
        assert_eq!(
            (jump.dst(), jump.src(), jump.off(), jump.imm()),
            (3, 0, -2, 5)
        );
        assert!(!jump.is_wide());
    }

    #[test]
    fn calls_matches_helpers_but_not_functions() {
        let helper = Insn::from_bytes([0x85, 0, 0, 0, 2, 0, 0, 0]);
        assert!(helper.calls(&[2, 3]) && !helper.calls(&[3]));
        assert!(!helper.with_src(pseudo::CALL).calls(&[2]));
    }

    #[test]
    fn setting_a_field_keeps_the_others() {
        let call = Insn::from_bytes([0x85, 0x10, 0, 0, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(
            call.with_imm(-3).to_bytes(),
            [0x85, 0x10, 0, 0, 0xfd, 0xff, 0xff, 0xff]
        );
        let load = Insn::from_bytes([0x18, 0xf7, 0, 0, 1, 2, 3, 4]);
        assert_eq!(load.with_src(2).to_bytes(), [0x18, 0x27, 0, 0, 1, 2, 3, 4]);
    }
}
