//! The part of the frame that copies packets, with their verdict, to a ring buffer while a client asks for samples.
//!
//! ```text
//!   0  r9 = SETTINGS value ll
//!   2  r1 = *(u32 *)(r9 + SESSION)
//!   3  if r1 == 0 goto exit                   nobody samples
//!   4  r2 = r6
//!   5  if r2 <= 4 goto 7                      XDP_REDIRECT
//!   6  r2 = 5
//!   7  r3 = *(u32 *)(r9 + VERDICTS)
//!   8  r3 >>= r2
//!   9  r3 &= 1
//!  10  if r3 == 0 goto exit
//!  11  r2 = *(u32 *)(r8 + ITS_SESSION)
//!  12  if r2 == r1 goto 18
//!  13  *(u32 *)(r8 + ITS_SESSION) = r1        the first packet of this CPU in this session
//!  14  *(u64 *)(r8 + WEIGHT) = 0
//!  15  *(u64 *)(r8 + LEFT) = 0
//!  16  *(u64 *)(r8 + STEP) = 1
//!  17  *(u64 *)(r8 + REST) = 0
//!  18  r1 = *(u64 *)(r8 + LEFT)
//!  19  r1 -= 1
//!  20  *(u64 *)(r8 + LEFT) = r1
//!  21  if r1 s>= 0 goto exit
//!  22  r1 = *(u64 *)(r8 + STEP)               the step is over
//!  23  r2 = *(u64 *)(r8 + WEIGHT)
//!  24  r2 += r1
//!  25  *(u64 *)(r8 + WEIGHT) = r2
//!  26  lock *(u64 *)(r9 + PACKETS) += r1
//!  27  call bpf_ktime_get_ns
//!  28  *(u64 *)(r8 + TIME) = r0
//!  29  r1 = *(u64 *)(r9 + START)
//!  30  r2 = r0
//!  31  r2 -= r1
//!  32  r3 = *(u64 *)(r9 + WINDOW)
//!  33  if r2 s< r3 goto 51
//!  34  r1 = *(u64 *)(r9 + PACKETS)            a new window: the gap follows the rate of the previous one
//!  35  r1 *= r3
//!  36  r1 /= r2
//!  37  r3 = *(u32 *)(r9 + AIM)
//!  38  r1 /= r3
//!  39  r2 = *(u32 *)(r9 + ONE_IN)
//!  40  if r1 >= r2 goto 42
//!  41  r1 = r2
//!  42  if r1 <= MAX_GAP goto 44
//!  43  r1 = MAX_GAP
//!  44  *(u64 *)(r9 + GAP) = r1
//!  45  *(u64 *)(r9 + START) = r0
//!  46  *(u64 *)(r9 + PACKETS) = 0
//!  47  *(u64 *)(r9 + TAKEN) = 0
//!  48  r2 = *(u64 *)(r8 + REST)
//!  49  if r2 <= r1 goto 51
//!  50  *(u64 *)(r8 + REST) = r1
//!  51  r1 = *(u64 *)(r8 + REST)
//!  52  if r1 != 0 goto 154                    the sample is a step or more away
//!  53  r2 = *(u64 *)(r9 + TAKEN)
//!  54  r3 = *(u32 *)(r9 + LIMIT)
//!  55  r1 = MAX_STEP
//!  56  if r2 >= r3 goto 154                   no more samples in this window
//!  57  r1 = 1
//!  58  lock *(u64 *)(r9 + TAKEN) += r1
//!  59  r2 = r10                               the key 0, which the part `count` wrote
//!  60  r2 += SAVED
//!  61  r1 = RINGS ll
//!  63  call bpf_map_lookup_elem
//!  64  if r0 == 0 goto 145                    no ring buffer
//!  65  r9 = r0
//!  66  r1 = r0
//!  67  r2 = 0                                 BPF_RB_AVAIL_DATA
//!  68  call bpf_ringbuf_query
//!  69  r1 = SETTINGS value ll
//!  71  r2 = 1                                 BPF_RB_NO_WAKEUP
//!  72  r1 = *(u32 *)(r1 + WAKE)
//!  73  if r0 < r1 goto 75
//!  74  r2 = 2                                 BPF_RB_FORCE_WAKEUP
//!  75  *(u64 *)(r8 + FLAGS) = r2
//!  76  r1 = r9
//!  77  r2 = SAMPLE_SIZE
//!  78  r3 = 0
//!  79  call bpf_ringbuf_reserve
//!  80  if r0 != 0 goto 85
//!  81  r1 = *(u64 *)(r8 + LOST)               the ring buffer is full
//!  82  r1 += 1
//!  83  *(u64 *)(r8 + LOST) = r1
//!  84  goto 145
//!  85  r9 = r0                                the sample
//!  86  r1 = *(u64 *)(r8 + TIME)
//!  87  *(u64 *)(r9 + 0) = r1
//!  88  r1 = *(u64 *)(r8 + WEIGHT)
//!  89  *(u64 *)(r9 + 8) = r1
//!  90  *(u64 *)(r8 + WEIGHT) = 0
//!  91  r1 = SETTINGS value ll
//!  93  r1 = *(u32 *)(r1 + STAGE)
//!  94  *(u32 *)(r9 + 16) = r1
//!  95  r1 = *(u32 *)(r7 + 12)                 ingress_ifindex
//!  96  *(u32 *)(r9 + 20) = r1
//!  97  r2 = *(u32 *)(r7 + 0)                  data
//!  98  r3 = *(u32 *)(r7 + 4)                  data_end
//!  99  r1 = r3
//! 100  r1 -= r2
//! 101  *(u32 *)(r9 + 24) = r1
//! 102  r1 = r6
//! 103  if r1 <= 4 goto 105
//! 104  r1 = 5
//! 105  *(u16 *)(r9 + 28) = r1
//! 106  r4 = r9
//! 107  r4 += 32
//! 108  r1 = 0
//! 109  r5 = r2                                8 bytes, up to 24 times
//! 110  r5 += 8
//! 111  if r5 > r3 goto 119
//! 112  r5 = *(u64 *)(r2 + 0)
//! 113  *(u64 *)(r4 + 0) = r5
//! 114  r2 += 8
//! 115  r4 += 8
//! 116  r1 += 8
//! 117  if r1 != 192 goto 109
//! 118  goto 141
//! 119  r5 = r2                                the last 4 bytes of a short packet
//! 120  r5 += 4
//! 121  if r5 > r3 goto 127
//! 122  r5 = *(u32 *)(r2 + 0)
//! 123  *(u32 *)(r4 + 0) = r5
//! 124  r2 += 4
//! 125  r4 += 4
//! 126  r1 += 4
//! 127  r5 = r2                                the last 2
//! 128  r5 += 2
//! 129  if r5 > r3 goto 135
//! 130  r5 = *(u16 *)(r2 + 0)
//! 131  *(u16 *)(r4 + 0) = r5
//! 132  r2 += 2
//! 133  r4 += 2
//! 134  r1 += 2
//! 135  r5 = r2                                the last byte
//! 136  r5 += 1
//! 137  if r5 > r3 goto 141
//! 138  r5 = *(u8 *)(r2 + 0)
//! 139  *(u8 *)(r4 + 0) = r5
//! 140  r1 += 1
//! 141  *(u16 *)(r9 + 30) = r1
//! 142  r1 = r9
//! 143  r2 = *(u64 *)(r8 + FLAGS)
//! 144  call bpf_ringbuf_submit
//! 145  r9 = SETTINGS value ll
//! 147  call bpf_get_prandom_u32
//! 148  r1 = *(u64 *)(r9 + GAP)
//! 149  r1 <<= 1
//! 150  r1 -= 1
//! 151  r0 %= r1
//! 152  r0 += 1
//! 153  r1 = r0
//! 154  r2 = r1                                r1 packets to the next sample: a step of them first
//! 155  if r2 <= MAX_STEP goto 157
//! 156  r2 = MAX_STEP
//! 157  r1 -= r2
//! 158  *(u64 *)(r8 + REST) = r1
//! 159  *(u64 *)(r8 + STEP) = r2
//! 160  r2 -= 1
//! 161  *(u64 *)(r8 + LEFT) = r2
//! ```
//!
//! The registers are those of the part `count`: 6 has the verdict, 7 the context, 8 this CPU's value of
//! [`TOTALS`](super::TOTALS). The part keeps all other numbers in maps: an unknown number in a register would multiply the
//! states that the verifier examines.
//!
//! The gap to the next sample is drawn when a sample is taken, from 1 to twice the mean less one, so that packets cannot
//! avoid the samples by a rhythm. The part divides a gap into steps of at most [`MAX_STEP`] packets, and reads the clock
//! after each step: after a flood, the gap thereby shrinks within a few packets.

use super::super::insn::{
    GET_PRANDOM_U32, Insn, KTIME_GET_NS, MAP_LOOKUP_ELEM, RINGBUF_QUERY, RINGBUF_RESERVE,
    RINGBUF_SUBMIT,
};
use super::assembly::{
    ADD, AND, BYTE, DIV, DOUBLE, HALF, JEQ, JGE, JGT, JLE, JLT, JNE, JSGE, JSLT, LSH, MOD, MOV,
    MUL, R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10, RSH, SUB, TO_EXIT, UPPER_HALF, WORD,
    atomic_add, branch, compare, constant, jump, load, map, map_value, registers, store,
    store_constant,
};
use super::sample::{HEAD, HEADER, SAMPLE_SIZE};
use super::settings::{
    AIM, GAP, LIMIT, ONE_IN, PACKETS, SESSION, STAGE, START, TAKEN, VERDICTS, WAKE, WINDOW,
};
use super::state::{FLAGS, ITS_SESSION, LEFT, LOST, REST, STEP, TIME, WEIGHT};

/// Number of slots.
pub(super) const SLOTS: usize = 162;
/// Slots that load the value of the map [`SETTINGS`](super::SETTINGS).
pub(super) const SETTINGS_LOADS: [usize; 4] = [0, 69, 91, 145];
/// Slot that loads the map [`RINGS`](super::RINGS).
pub(super) const RINGS_LOAD: usize = 61;

/// Sizes in the layout of a sample.
const SAMPLE: i32 = 224;
const BEFORE_HEAD: i32 = 32;
const WHOLE_HEAD: i32 = 192;
const _: () = assert!(SAMPLE_SIZE == 224 && HEADER == 32 && HEAD == 192);

/// Maximum packets from one reading of the clock to the next.
pub(super) const MAX_STEP: i32 = 64;
/// Greatest mean gap: twice the gap must fit in a random number of 32 bits.
pub(super) const MAX_GAP: i32 = 1 << 20;

/// Offsets in `struct xdp_md`.
const DATA: i16 = 0;
const DATA_END: i16 = 4;
const INGRESS_IFINDEX: i16 = 12;

const XDP_REDIRECT: i32 = 4;

const BPF_RB_AVAIL_DATA: i32 = 0;
const BPF_RB_NO_WAKEUP: i32 = 1;
const BPF_RB_FORCE_WAKEUP: i32 = 2;

/// The instructions. `saved` is the offset from register 10 of the key 0.
pub(super) fn sampler(saved: i16) -> Vec<Insn> {
    let parts: [&[Insn]; 5] = [
        &choose(),
        &renew_window(),
        &reserve(saved),
        &fill(),
        &plan_next(),
    ];
    parts.concat()
}

/// Slots 0 to 28: ends the frame for packets that are not sampled.
const fn choose() -> [Insn; 29] {
    [
        map_value(R9),
        UPPER_HALF,
        load(WORD, R1, R9, SESSION),
        branch(JEQ, R1, 0, TO_EXIT),
        registers(MOV, R2, R6),
        branch(JLE, R2, XDP_REDIRECT, 7),
        constant(MOV, R2, XDP_REDIRECT + 1),
        load(WORD, R3, R9, VERDICTS),
        registers(RSH, R3, R2),
        constant(AND, R3, 1),
        branch(JEQ, R3, 0, TO_EXIT),
        load(WORD, R2, R8, ITS_SESSION),
        compare(JEQ, R2, R1, 18),
        store(WORD, R8, ITS_SESSION, R1),
        store_constant(DOUBLE, R8, WEIGHT, 0),
        store_constant(DOUBLE, R8, LEFT, 0),
        store_constant(DOUBLE, R8, STEP, 1),
        store_constant(DOUBLE, R8, REST, 0),
        load(DOUBLE, R1, R8, LEFT),
        constant(SUB, R1, 1),
        store(DOUBLE, R8, LEFT, R1),
        branch(JSGE, R1, 0, TO_EXIT),
        load(DOUBLE, R1, R8, STEP),
        load(DOUBLE, R2, R8, WEIGHT),
        registers(ADD, R2, R1),
        store(DOUBLE, R8, WEIGHT, R2),
        atomic_add(R9, PACKETS, R1),
        Insn::call(KTIME_GET_NS),
        store(DOUBLE, R8, TIME, R0),
    ]
}

/// Slots 29 to 50: begins another window, if this one is over.
const fn renew_window() -> [Insn; 22] {
    [
        load(DOUBLE, R1, R9, START),
        registers(MOV, R2, R0),
        registers(SUB, R2, R1),
        load(DOUBLE, R3, R9, WINDOW),
        compare(JSLT, R2, R3, 51),
        load(DOUBLE, R1, R9, PACKETS),
        registers(MUL, R1, R3),
        registers(DIV, R1, R2),
        load(WORD, R3, R9, AIM),
        registers(DIV, R1, R3),
        load(WORD, R2, R9, ONE_IN),
        compare(JGE, R1, R2, 42),
        registers(MOV, R1, R2),
        branch(JLE, R1, MAX_GAP, 44),
        constant(MOV, R1, MAX_GAP),
        store(DOUBLE, R9, GAP, R1),
        store(DOUBLE, R9, START, R0),
        store_constant(DOUBLE, R9, PACKETS, 0),
        store_constant(DOUBLE, R9, TAKEN, 0),
        load(DOUBLE, R2, R8, REST),
        compare(JLE, R2, R1, 51),
        store(DOUBLE, R8, REST, R1),
    ]
}

/// Slots 51 to 84: reserves room for a sample, if it is due.
const fn reserve(saved: i16) -> [Insn; 34] {
    [
        load(DOUBLE, R1, R8, REST),
        branch(JNE, R1, 0, 154),
        load(DOUBLE, R2, R9, TAKEN),
        load(WORD, R3, R9, LIMIT),
        constant(MOV, R1, MAX_STEP),
        compare(JGE, R2, R3, 154),
        constant(MOV, R1, 1),
        atomic_add(R9, TAKEN, R1),
        registers(MOV, R2, R10),
        constant(ADD, R2, saved as i32),
        map(R1),
        UPPER_HALF,
        Insn::call(MAP_LOOKUP_ELEM),
        branch(JEQ, R0, 0, 145),
        registers(MOV, R9, R0),
        registers(MOV, R1, R0),
        constant(MOV, R2, BPF_RB_AVAIL_DATA),
        Insn::call(RINGBUF_QUERY),
        map_value(R1),
        UPPER_HALF,
        constant(MOV, R2, BPF_RB_NO_WAKEUP),
        load(WORD, R1, R1, WAKE),
        compare(JLT, R0, R1, 75),
        constant(MOV, R2, BPF_RB_FORCE_WAKEUP),
        store(DOUBLE, R8, FLAGS, R2),
        registers(MOV, R1, R9),
        constant(MOV, R2, SAMPLE),
        constant(MOV, R3, 0),
        Insn::call(RINGBUF_RESERVE),
        branch(JNE, R0, 0, 85),
        load(DOUBLE, R1, R8, LOST),
        constant(ADD, R1, 1),
        store(DOUBLE, R8, LOST, R1),
        jump(145),
    ]
}

/// Slots 85 to 144: writes the sample.
const fn fill() -> [Insn; 60] {
    [
        registers(MOV, R9, R0),
        load(DOUBLE, R1, R8, TIME),
        store(DOUBLE, R9, 0, R1),
        load(DOUBLE, R1, R8, WEIGHT),
        store(DOUBLE, R9, 8, R1),
        store_constant(DOUBLE, R8, WEIGHT, 0),
        map_value(R1),
        UPPER_HALF,
        load(WORD, R1, R1, STAGE),
        store(WORD, R9, 16, R1),
        load(WORD, R1, R7, INGRESS_IFINDEX),
        store(WORD, R9, 20, R1),
        load(WORD, R2, R7, DATA),
        load(WORD, R3, R7, DATA_END),
        registers(MOV, R1, R3),
        registers(SUB, R1, R2),
        store(WORD, R9, 24, R1),
        registers(MOV, R1, R6),
        branch(JLE, R1, XDP_REDIRECT, 105),
        constant(MOV, R1, XDP_REDIRECT + 1),
        store(HALF, R9, 28, R1),
        registers(MOV, R4, R9),
        constant(ADD, R4, BEFORE_HEAD),
        constant(MOV, R1, 0),
        registers(MOV, R5, R2),
        constant(ADD, R5, 8),
        compare(JGT, R5, R3, 119),
        load(DOUBLE, R5, R2, 0),
        store(DOUBLE, R4, 0, R5),
        constant(ADD, R2, 8),
        constant(ADD, R4, 8),
        constant(ADD, R1, 8),
        branch(JNE, R1, WHOLE_HEAD, 109),
        jump(141),
        registers(MOV, R5, R2),
        constant(ADD, R5, 4),
        compare(JGT, R5, R3, 127),
        load(WORD, R5, R2, 0),
        store(WORD, R4, 0, R5),
        constant(ADD, R2, 4),
        constant(ADD, R4, 4),
        constant(ADD, R1, 4),
        registers(MOV, R5, R2),
        constant(ADD, R5, 2),
        compare(JGT, R5, R3, 135),
        load(HALF, R5, R2, 0),
        store(HALF, R4, 0, R5),
        constant(ADD, R2, 2),
        constant(ADD, R4, 2),
        constant(ADD, R1, 2),
        registers(MOV, R5, R2),
        constant(ADD, R5, 1),
        compare(JGT, R5, R3, 141),
        load(BYTE, R5, R2, 0),
        store(BYTE, R4, 0, R5),
        constant(ADD, R1, 1),
        store(HALF, R9, 30, R1),
        registers(MOV, R1, R9),
        load(DOUBLE, R2, R8, FLAGS),
        Insn::call(RINGBUF_SUBMIT),
    ]
}

/// Slots 145 to 161: draws the gap to the next sample, and begins the next step.
const fn plan_next() -> [Insn; 17] {
    [
        map_value(R9),
        UPPER_HALF,
        Insn::call(GET_PRANDOM_U32),
        load(DOUBLE, R1, R9, GAP),
        constant(LSH, R1, 1),
        constant(SUB, R1, 1),
        registers(MOD, R0, R1),
        constant(ADD, R0, 1),
        registers(MOV, R1, R0),
        registers(MOV, R2, R1),
        branch(JLE, R2, MAX_STEP, 157),
        constant(MOV, R2, MAX_STEP),
        registers(SUB, R1, R2),
        store(DOUBLE, R8, REST, R1),
        store(DOUBLE, R8, STEP, R2),
        constant(SUB, R2, 1),
        store(DOUBLE, R8, LEFT, R2),
    ]
}
