"""Runs checks, prints a line for each and counts them."""

from .machine import MachineLost
from .outcome import ask_until

# Seconds until a state must hold. The host may be busy with other work.
STATE_LIMIT = 120
# Lines of the text that a failed check shows.
SHOWN_LINES = 12


class Report:
    """The checks of one machine. After the machine is lost, each check fails without a question."""

    def __init__(self):
        self.passed = 0
        self.failed = 0
        self._is_lost = False

    def once(self, text, question, *arguments):
        """Checks an action, or a state that an action has reached, with one question."""
        self._check(text, lambda: question(*arguments))

    def until(self, text, question, *arguments):
        """Repeats a question until a state holds, for at most STATE_LIMIT seconds."""
        self._check(text, lambda: ask_until(lambda: question(*arguments), STATE_LIMIT))

    def _check(self, text, ask):
        if self._is_lost:
            self.failed += 1
            return
        try:
            outcome = ask()
        except MachineLost as loss:
            self._is_lost = True
            self.failed += 1
            print(f'  FAILED  {text}, and each check after it: {loss}')
            return
        if outcome:
            self.passed += 1
            print(f'  ok      {text}')
        else:
            self.failed += 1
            print(f'  FAILED  {text}')
            for line in outcome.text.splitlines()[-SHOWN_LINES:]:
                print(f'          | {line}')

    def summary(self):
        return f'{self.passed} passed, {self.failed} failed'
