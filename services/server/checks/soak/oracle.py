"""What each request must be answered with, and what was answered."""

import collections
import time
import typing


class Answer(typing.NamedTuple):
    """A right answer. The code is the one of the metrics; endpoints without metrics have none."""

    status: int
    # A text that the body or the target of the redirect must contain.
    text: str
    code: str | None = None
    admits: bool = False


class Wrong(Exception):
    """The service gave an answer that it must not give, or broke another promise."""


class Truth:
    """A fact that changes while requests are in progress, such as the right secret of a credential. During a change
    both values are true."""

    def __init__(self, value: object):
        self.changes = [(0.0, 0.0, value)]

    @property
    def value(self) -> object:
        return self.changes[-1][2]

    def begins_to_be(self, value: object) -> None:
        self.changes.append((time.monotonic(), float("inf"), value))

    def is_now(self) -> None:
        begun, _, value = self.changes[-1]
        self.changes[-1] = (begun, time.monotonic(), value)

    def values(self, begun: float, ended: float) -> list[object]:
        """The values that were true at some time between the two."""
        true = []
        for index, (begins, _, value) in enumerate(self.changes):
            until = self.changes[index + 1][1] if index + 1 < len(self.changes) else float("inf")
            if begins <= ended and begun <= until:
                true.append(value)
        return true


class Oracle:
    """Judges answers, counts them, and knows when the database is at fault."""

    def __init__(self, shifts: set[str]):
        self.shifts = shifts
        self.counts = collections.Counter()
        self.unavailable = collections.Counter()
        # Requests that may have had this code: the sender did not wait for the answer, or it does not show the code.
        self.unseen = collections.Counter()
        self.faults: list[list[float]] = []
        # The longest time of a right call or login while nothing was at fault.
        self.slowest = 0.0

    def fault_begins(self) -> None:
        self.faults.append([time.monotonic(), float("inf")])

    def fault_is_over(self) -> None:
        self.faults[-1][1] = time.monotonic()

    def is_in_fault(self, begun: float, ended: float) -> bool:
        return any(begins <= ended and begun <= ends for begins, ends in self.faults)

    def judge(self, what: str, endpoint: str, right: list[Answer], begun: float, got: tuple[int, str, bool]) -> bool:
        """Whether the request had a right answer. It may also be refused for a fault of the database."""
        ended = time.monotonic()
        status, text, admits = got
        for answer in right:
            if (answer.status, answer.admits) == (status, admits) and answer.text in text:
                if answer.code:
                    self.counts[endpoint, answer.code] += 1
                if admits and not self.is_in_fault(begun, ended):
                    self.slowest = max(self.slowest, ended - begun)
                return True
        if status == 503 and not admits and self.is_in_fault(begun, ended):
            self.unavailable[endpoint] += 1
            return False
        kind = "WRONG ADMISSION" if admits else "wrong answer"
        raise Wrong(f"{kind}: {what}: {status} {text[:300]!r} after {ended - begun:.2f} s, expected {right}")

    def compare(self, metrics: dict[tuple[str, str], int]) -> None:
        """Each answer that was seen is in the metrics, and nothing else but what nobody waited for."""
        for endpoint in "api", "dologin", "singlesignon":
            predicted = {code for where, code in {*self.counts, *self.unseen} if where == endpoint}
            for code in predicted:
                seen, unseen = self.counts[endpoint, code], self.unseen[endpoint, code]
                counted = metrics.get((endpoint, code), 0)
                if not seen <= counted <= seen + unseen:
                    seen = f"{seen} were seen, and at most {unseen} not"
                    raise Wrong(f"the metrics count {counted} {code} of {endpoint}, but {seen}")
            counted = {code: count for (where, code), count in metrics.items() if where == endpoint}
            others = {code: count for code, count in counted.items() if code not in predicted}
            seen = self.unavailable[endpoint]
            unseen = sum(count for (where, _), count in self.unseen.items() if where == endpoint)
            if not seen <= sum(others.values()) <= seen + unseen:
                raise Wrong(f"{seen} answers of {endpoint} were 503 ({unseen} unseen), but the metrics count {others}")
