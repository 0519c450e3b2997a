//! The instruction stream being linked: functions one after the other, and the calls between them.

use super::error::{Error, Quoted};
use super::functions::{Function, Functions};
use super::insn::Insn;
use super::recursion;

/// Most instructions taken (`BPF_COMPLEXITY_LIMIT_INSNS`, 5.2; before, the kernel took 4096).
const MOST_INSNS: usize = 1_000_000;

/// A function in the stream.
#[derive(Clone, Copy)]
pub(super) struct Placed<'a> {
    pub function: Function<'a>,
    /// Its first slot, and one past its last.
    pub from: usize,
    pub to: usize,
}

/// An instruction that calls a function.
pub(super) struct Call {
    /// Its slot.
    pub insn: usize,
    /// The function it is in, by its number in the stream.
    pub from: usize,
    /// The function it calls.
    pub to: usize,
}

/// The functions placed so far.
pub(super) struct Stream<'a, 'm> {
    functions: &'m Functions<'a>,
    insns: Vec<Insn>,
    placed: Vec<Placed<'a>>,
    /// For each of `functions` its number in `placed`.
    places: Vec<Option<usize>>,
    calls: Vec<Call>,
}

impl<'a, 'm> Stream<'a, 'm> {
    /// A stream of none of these functions.
    pub(super) fn new(functions: &'m Functions<'a>) -> Self {
        let places = vec![None; functions.len()];
        Self {
            functions,
            insns: Vec::new(),
            placed: Vec::new(),
            places,
            calls: Vec::new(),
        }
    }

    /// Appends a function, unless it is there; gives its number in the stream.
    pub(super) fn place(&mut self, number: usize) -> Result<usize, Error> {
        if let Some(&Some(there)) = self.places.get(number) {
            return Ok(there);
        }
        let function = *self
            .functions
            .get(number)
            .ok_or_else(|| Error::file("a function is missing"))?;
        let code = self.functions.code(&function)?;
        let from = self.insns.len();
        if code.len() > MOST_INSNS.saturating_sub(from) {
            let what = format!(
                "makes the program larger than {MOST_INSNS} instructions, the kernel's limit"
            );
            return Err(self.functions.wrong(&function, what));
        }
        self.insns
            .extend(code.iter().copied().map(Insn::from_bytes));
        let place = self.placed.len();
        self.placed.push(Placed {
            function,
            from,
            to: self.insns.len(),
        });
        if let Some(known) = self.places.get_mut(number) {
            *known = Some(place);
        }
        Ok(place)
    }

    /// The functions in the stream, in order.
    pub(super) fn placed(&self) -> &[Placed<'a>] {
        &self.placed
    }

    pub(super) fn insn(&self, slot: usize) -> Option<Insn> {
        self.insns.get(slot).copied()
    }

    pub(super) fn change(&mut self, slot: usize, change: impl FnOnce(Insn) -> Insn) {
        if let Some(insn) = self.insns.get_mut(slot) {
            *insn = change(*insn);
        }
    }

    /// Notes a call, to be patched at the end. They come in the order of the calling functions.
    pub(super) fn note(&mut self, call: Call) {
        self.calls.push(call);
    }

    /// Writes into each call how far away its function is, and gives the instructions.
    pub(super) fn finish(mut self) -> Result<Vec<Insn>, Error> {
        self.refuse_recursion()?;
        for call in std::mem::take(&mut self.calls) {
            let to = self.placed.get(call.to).map_or(0, |placed| placed.from);
            let distance = to.cast_signed() - call.insn.cast_signed() - 1;
            let distance =
                i32::try_from(distance).map_err(|_| Error::file("a call goes too far"))?;
            self.change(call.insn, |insn| insn.with_imm(distance));
        }
        Ok(self.insns)
    }

    /// Refuses functions that call each other in a circle, as the kernel would.
    fn refuse_recursion(&self) -> Result<(), Error> {
        let calls: Vec<_> = self.calls.iter().map(|call| (call.from, call.to)).collect();
        let circle = recursion::find(self.placed.len(), &calls);
        let Some((from, to)) =
            circle.and_then(|(from, to)| self.placed.get(from).zip(self.placed.get(to)))
        else {
            return Ok(());
        };
        let called = Quoted(to.function.name);
        let what = format!(
            "calls {called}, and so itself in the end; the kernel takes no recursion, use a loop"
        );
        Err(self.functions.wrong(&from.function, what))
    }
}
