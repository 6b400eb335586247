"""How alike the answers to different queries are: the sign of a policy that found one text that pays everywhere."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence

WORDS = 4  # of one phrase
LONGEST = 160  # words of a response that are read: its end, where answers stand
RECENT = 128  # queries whose answers are remembered
COMMON = 3  # other queries that must share a phrase


class Echoes:
    """Phrases of the answers to the last queries. Holds hashes only, some hundred for each query."""

    def __init__(self) -> None:
        self._count: Counter[int] = Counter()
        self._recent: deque[frozenset[int]] = deque()

    def see(self, responses: Sequence[str]) -> float | None:
        """Share in [0, 1] of the phrases of this group that answers to COMMON other queries held as well; None while
        there are fewer, or where the responses hold no phrase."""
        mine = frozenset(h for text in responses for h in _phrases(text))
        known = len(self._recent) >= COMMON and bool(mine)
        alike = sum(self._count[h] >= COMMON for h in mine) / len(mine) if known else None
        self._recent.append(mine)
        self._count.update(mine)
        if len(self._recent) > RECENT:
            for h in self._recent.popleft():
                self._count[h] -= 1
                if not self._count[h]:
                    del self._count[h]
        return alike


def _phrases(text: str) -> set[int]:
    """Hashes of all runs of WORDS words, of this process only: they are compared, and never kept."""
    words = text[-8 * LONGEST :].casefold().split()[-LONGEST:]
    if len(words) < WORDS:
        return {hash(tuple(words))} if words else set()
    return set(map(hash, zip(*(words[i:] for i in range(WORDS)), strict=False)))
