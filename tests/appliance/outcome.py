"""Answers to questions about a machine."""

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """The answer to one question: true or false, with a text that explains the answer.

    `a and b` is the first outcome that is false, so a failed check shows the text that belongs to it.
    """

    holds: bool
    text: str = ''

    def __bool__(self):
        return self.holds

    def denied(self):
        """The opposite answer, for the same reason."""
        return Outcome(not self.holds, self.text)

    def says(self, text):
        """True if the answer is true and has exactly this text."""
        return Outcome(self.holds and self.text == text, self.text)


def ask_until(question, limit, pause=0.3):
    """Repeats a question until the answer is true or `limit` seconds have passed. Returns the last answer."""
    deadline = time.monotonic() + limit
    while True:
        outcome = question()
        if outcome or time.monotonic() >= deadline:
            return outcome
        time.sleep(pause)
