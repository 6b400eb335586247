"""The form <think> ... </think><answer> ... </answer>, or any other sequence of tags."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rlar.tools.base import RuleTool
from rlar.types import Kind, Mark, Query, Response

_NAME = re.compile(r"[A-Za-z_][\w.-]{0,60}")


class TagFormat(RuleTool):
    """1.0 if the response is these tags in this order, each opened and closed once, with text in each; else 0.0.

    tags: names, e.g. ("think", "answer"). outside: whether text may stand outside of the tags.
    Where the prompt ends with the opening of the first tag (as chat templates do it), the response begins inside of it.
    Only the form counts: a response may say nothing in good form, so put a verifier behind it.
    Source: the format reward of DeepSeek-R1 (arXiv 2501.12948).
    """

    def __init__(self, tags: Sequence[str] = ("think", "answer"), outside: bool = False) -> None:
        if isinstance(tags, str) or not tags or len(set(tags)) < len(tags) or not all(map(_NAME.fullmatch, tags)):
            raise ValueError(f"tags must be different names such as ('think', 'answer'), got {tags!r}")
        self.tags, self.outside = tuple(tags), outside
        form = "".join(f"<{tag}>...</{tag}>" for tag in self.tags)
        default = self.tags == ("think", "answer")
        self.describe(
            name="tag_format"
            + ("" if default else "_" + "_".join(t.lower() for t in self.tags))
            + "_outside" * outside,
            kind=Kind.VERIFIER,
            about=f"the response has the form {form}" + (", with text around" if outside else ""),
            config={"tags": list(self.tags), "outside": outside},
            line=0.5,
        )

    def fits(self, query: Query) -> bool:
        return True

    def prepare(self, query: Query) -> bool:
        return query.text.rstrip().endswith(f"<{self.tags[0]}>")

    def rate(self, response: Response, query: Query, prepared: bool) -> Mark:
        text = f"<{self.tags[0]}>{response}" if prepared else response
        at = 0
        for tag in self.tags:
            opening, closing = f"<{tag}>", f"</{tag}>"
            if text.count(opening) != 1 or text.count(closing) != 1:
                return Mark(0.0, f"{opening} stands {text.count(opening)} times, {closing} {text.count(closing)} times")
            start, end = text.index(opening), text.index(closing)
            if start < at or end < start:
                return Mark(0.0, f"{opening} or {closing} stands in the wrong place")
            if not self.outside and text[at:start].strip():
                return Mark(0.0, f"text before {opening}")
            if not text[start + len(opening) : end].strip():
                return Mark(0.0, f"nothing in {opening}")
            at = end + len(closing)
        if not self.outside and text[at:].strip():
            return Mark(0.0, f"text after </{self.tags[-1]}>")
        return Mark(1.0, "has the form")
