"""What a gold answer is, as a value."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Shape:
    """What a reference is.

    kind: number, expression, interval, set, tuple, choice, json, label, list, span, text, program or none.
    confidence: in [0, 1], that the kind is right. why: the reason, for people; names the runner-up if there is one.
    value: what was read, never to be changed. number: Fraction as written ("50%" is 50, "$5" is 5), None if beyond
    1e400. expression, interval, span: the text without LaTeX dressing. tuple, set, list: tuple of str. choice: capital
    letter(s), "B" or "ACD". label: lower case. json: the parsed value. program: language name. text, none: None.
    """

    kind: str
    confidence: float
    why: str
    value: object = field(default=None, hash=False)


NONE = Shape("none", 1.0, "there is no reference")
