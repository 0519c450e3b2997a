//! The instruction stream: the linked functions one after another, and the calls between them.

use super::error::{Error, Quoted};
use super::functions::{Function, Functions};
use super::insn::Insn;
use super::recursion;

/// Maximum number of instructions of a program (`BPF_COMPLEXITY_LIMIT_INSNS`, 5.2; 4096 on older kernels).
const MAX_INSNS: usize = 1_000_000;

/// A function in the stream.
#[derive(Clone, Copy)]
pub(super) struct LinkedFunction<'a> {
    pub function: Function<'a>,
    /// First slot of the function.
    pub start: usize,
    /// One past the last slot of the function.
    pub end: usize,
}

/// A call of one function of the stream by another.
pub(super) struct Call {
    /// Slot of the call instruction.
    pub slot: usize,
    /// Index in [`InsnStream::linked`] of the function that calls.
    pub caller: usize,
    /// Index in [`InsnStream::linked`] of the call target.
    pub target: usize,
}

/// The instructions linked so far.
pub(super) struct InsnStream<'a, 'm> {
    functions: &'m Functions<'a>,
    insns: Vec<Insn>,
    linked: Vec<LinkedFunction<'a>>,
    /// Index in `linked` of each linked function, by its index in `functions`.
    linked_index: Vec<Option<usize>>,
    /// Calls to be patched, in order of the callers.
    calls: Vec<Call>,
}

impl<'a, 'm> InsnStream<'a, 'm> {
    pub(super) fn new(functions: &'m Functions<'a>) -> Self {
        Self {
            functions,
            insns: Vec::new(),
            linked: Vec::new(),
            linked_index: vec![None; functions.len()],
            calls: Vec::new(),
        }
    }

    /// Appends the function at `index` of the object's functions unless it is linked already; returns its index in
    /// [`InsnStream::linked`].
    pub(super) fn append(&mut self, index: usize) -> Result<usize, Error> {
        if let Some(&Some(linked)) = self.linked_index.get(index) {
            return Ok(linked);
        }
        let function = *self
            .functions
            .get(index)
            .ok_or_else(|| Error::file("a function is missing"))?;
        let code = self.functions.code(&function)?;
        let start = self.insns.len();
        if code.len() > MAX_INSNS.saturating_sub(start) {
            let what = format!(
                "makes the program larger than {MAX_INSNS} instructions, the kernel's limit"
            );
            return Err(self.functions.error(&function, what));
        }
        self.insns
            .extend(code.iter().copied().map(Insn::from_bytes));
        let linked = self.linked.len();
        self.linked.push(LinkedFunction {
            function,
            start,
            end: self.insns.len(),
        });
        if let Some(place) = self.linked_index.get_mut(index) {
            *place = Some(linked);
        }
        Ok(linked)
    }

    /// The functions in the stream, in order.
    pub(super) fn linked(&self) -> &[LinkedFunction<'a>] {
        &self.linked
    }

    pub(super) fn insn(&self, slot: usize) -> Option<Insn> {
        self.insns.get(slot).copied()
    }

    pub(super) fn patch(&mut self, slot: usize, patch: impl FnOnce(Insn) -> Insn) {
        if let Some(insn) = self.insns.get_mut(slot) {
            *insn = patch(*insn);
        }
    }

    /// Records a call, which [`InsnStream::finish`] patches. Calls must come in the order of their callers.
    pub(super) fn record_call(&mut self, call: Call) {
        self.calls.push(call);
    }

    /// Patches the offset of each call's target into the call, and returns the instructions.
    pub(super) fn finish(mut self) -> Result<Vec<Insn>, Error> {
        self.refuse_recursion()?;
        for call in std::mem::take(&mut self.calls) {
            let target = self
                .linked
                .get(call.target)
                .map_or(0, |target| target.start);
            let offset = target.cast_signed() - call.slot.cast_signed() - 1;
            let offset = i32::try_from(offset).map_err(|_| Error::file("a call goes too far"))?;
            self.patch(call.slot, |insn| insn.with_imm(offset));
        }
        Ok(self.insns)
    }

    /// Refuses recursion, which the kernel's verifier would reject.
    fn refuse_recursion(&self) -> Result<(), Error> {
        let calls = self.calls.iter().map(|call| (call.caller, call.target));
        let calls: Vec<_> = calls.collect();
        let cycle = recursion::find_cycle(self.linked.len(), &calls);
        let Some((caller, target)) =
            cycle.and_then(|(caller, target)| self.linked.get(caller).zip(self.linked.get(target)))
        else {
            return Ok(());
        };
        let target = Quoted(target.function.name);
        let what = format!(
            "calls {target} and, through it, itself; the kernel allows no recursion, use a loop"
        );
        Err(self.functions.error(&caller.function, what))
    }
}
