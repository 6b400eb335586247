"""From a query and its responses to token ids: templates, formats, pairs, marks, and cuts that spare the response.

A response cannot forge turns: texts of special tokens inside prompt and response are broken up before tokenising.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rlar.engines.models.batching import cut
from rlar.engines.models.marks import pattern_of, safe
from rlar.engines.models.spec import ModelSpec

Turn = tuple[str, str]  # role, text
PLACE = "[the answer that is judged]"
Span = tuple[int, int]


@dataclass
class Row:
    """One input. types: token types of a pair, or None. places: positions whose states are wanted. answer: position of
    the first token of the response (log_ratio). ends: of `places`, those where a step of the response ends. group: rows
    that may start alike.
    """

    ids: list[int]
    types: list[int] | None = None
    places: list[int] = field(default_factory=list)
    answer: int = 0
    notes: list[str] = field(default_factory=list)
    group: int = 0
    ends: list[int] = field(default_factory=list)


class TooLong(Exception):
    """The response does not fit, even without the prompt."""


class Texts:
    """Makes rows for one spec. limit: most tokens of a row."""

    def __init__(self, spec: ModelSpec, tokenizer: Any, limit: int) -> None:
        self.spec = spec
        self.tok = tokenizer
        self.limit = limit
        marks = {str(t) for t in tokenizer.all_special_tokens} | {
            str(t.content) for t in tokenizer.added_tokens_decoder.values() if t.special
        }
        marks |= {m for m in (spec.step_mark, *(spec.head.marks if spec.head else ())) if m.strip()}
        # A tokenizer may call "-" special; such marks forge nothing. The mark of a step is short in some models.
        marks = {m for m in marks if len(m) > 2 or (m == spec.step_mark and len(m) > 1)}
        self.marks = tuple(sorted(marks))
        self._pattern = pattern_of(marks)

    # -- plain pieces -----------------------------------------------------------------------------------------------

    def safe(self, text: str) -> str:
        """The text without special tokens and without what cannot be encoded."""
        return safe(text, self._pattern)

    def ids(self, text: str) -> list[int]:
        return list(self.tok(text, add_special_tokens=False)["input_ids"])

    def _turns(self, ask: Mapping[str, Any]) -> list[Turn]:
        turns = [(str(r), self.safe(str(t))) for r, t in ask["prompt"]]
        return [("system", self.spec.system), *turns] if self.spec.system and turns[:1][0][0] != "system" else turns

    def _prompt(self, ask: Mapping[str, Any]) -> str:
        """A conversation as one text: its only turn, or turns by role."""
        turns = [(str(r), self.safe(str(t))) for r, t in ask["prompt"]]
        return turns[0][1] if len(turns) == 1 else "\n\n".join(f"{r}: {t}" for r, t in turns)

    def _filled(self, ask: Mapping[str, Any]) -> tuple[str, list[Span]]:
        """The spec's format filled in, and where the prompt stands in it."""
        responses = [self.safe(str(r)) for r in ask.get("responses", ())]
        values = {
            "prompt": self._prompt(ask),
            "response": self.safe(str(ask.get("response", ""))),
            "reference": self.safe(str(ask.get("reference") or "")),
            "source": self.safe(str(ask.get("source") or "")),
            "a": self.safe(str(ask.get("a", ""))),
            "b": self.safe(str(ask.get("b", ""))),
            "responses": "\n\n".join(f"[Response {i}]\n{r}" for i, r in enumerate(responses, 1)),
            "n": str(len(responses)),
        }
        text, spans = "", []
        for literal, name, _, _ in string.Formatter().parse(self.spec.prompt_format):
            text += literal
            if name:
                spans += [(len(text), len(text) + len(values[name]))] if name in ("prompt", "source") else []
                text += values[name]
        return text, spans

    def _chat(self, turns: Sequence[Turn], *, open_answer: bool) -> str:
        messages = [{"role": r, "content": t} for r, t in turns]
        more = {"chat_template": self.spec.chat_template} if self.spec.chat_template else {}
        try:
            text = self.tok.apply_chat_template(messages, tokenize=False, add_generation_prompt=open_answer, **more)
        except Exception:
            if messages[0]["role"] != "system" or len(messages) < 2:
                raise
            first = {**messages[1], "content": f"{messages[0]['content']}\n\n{messages[1]['content']}"}
            text = self.tok.apply_chat_template(
                [first, *messages[2:]], tokenize=False, add_generation_prompt=open_answer, **more
            )
        return str(text)

    def _around(self, turns: Sequence[Turn], answer: str) -> tuple[str, int]:
        """The conversation with the answer at PLACE, put in after the template was filled, and where it starts.

        A template may rewrite what it is given ("</think>" and all before it); of a place it can see nothing. Raises
        ValueError where it keeps none.
        """
        text = self._chat(turns, open_answer=turns[-1][0] != "assistant")
        at = text.find(PLACE)
        if at < 0 or text.count(PLACE) > 1:
            raise ValueError("its chat template does not keep an answer as it is, so its tokens cannot be told")
        return text[:at] + answer + text[at + len(PLACE) :], at

    # -- rows -------------------------------------------------------------------------------------------------------

    def row(self, ask: Mapping[str, Any], *, room: int = 0) -> Row:
        """The input of one question. room: tokens to keep free for what will be generated. Raises TooLong."""
        spec = self.spec
        if spec.head is not None and spec.head.kind == "pair":
            return self._marked(ask)
        if spec.format == "given":
            return self._given(ask, room)
        if spec.format == "pair":
            return self._pair(ask)
        if spec.prompt_format:
            text, spans = self._filled(ask)
            if spec.format == "chat":
                turns = [("system", spec.system)] if spec.system else []
                inner, text = text, self._chat([*turns, ("user", text)], open_answer=True)
                shift = text.find(inner)
                if shift < 0:  # the template changed it, by trimming or more
                    inner, cut_left = inner.strip(), len(inner) - len(inner.lstrip())
                    shift = text.find(inner)
                    spans = [(max(0, a - cut_left), min(len(inner), b - cut_left)) for a, b in spans]
                spans = [(a + shift, b + shift) for a, b in spans] if shift >= 0 else []
            return self._row(text + spec.end, spans, ask, special=spec.format == "text", room=room)
        turns = self._turns(ask)
        answer = self.safe(str(ask["response"]))
        if spec.family == "process":
            steps = [s for s in answer.split(spec.step_split) if s.strip()] or [answer]
            answer = "".join(f"{s}{spec.step_mark}" for s in steps)
        text = self._chat([*turns, ("assistant", answer)], open_answer=False)
        end = text.rfind(answer) if answer in text else text.rfind(answer.strip())
        if spec.family == "log_ratio":  # to the token: "end" is also found in <|im_end|>
            opening = self._chat(turns, open_answer=True)
            end = len(opening) if text.startswith(opening) and answer.strip() in text[len(opening) :] else -1
        if end < 0 and spec.family in ("log_ratio", "process"):
            text, end = self._around([*turns, ("assistant", PLACE)], answer)
        end = max(end, 0)  # nothing can be cut, then
        spans, at = [], 0
        for _, content in turns:
            for version in (content, content.strip()):
                found = text.find(version, at, end)
                if version and found >= 0:
                    spans.append((found, found + len(version)))
                    at = found + len(version)
                    break
        return self._row(text + spec.end, spans, ask, special=False, room=room, answer_at=end)

    def _row(
        self, text: str, spans: list[Span], ask: Mapping[str, Any], *, special: bool, room: int, answer_at: int = -1
    ) -> Row:
        coded = self.tok(text, add_special_tokens=special, return_offsets_mapping=True)
        ids, offsets = list(coded["input_ids"]), list(coded["offset_mapping"])
        if (
            special
            and self.spec.format == "text"
            and ids
            and self.tok.eos_token_id == ids[-1]
            and not text.endswith(str(self.tok.eos_token))
        ):
            ids, offsets = ids[:-1], offsets[:-1]  # some tokenizers end every text; a prompt must stay open
        inside = [i for i, (a, b) in enumerate(offsets) if b > a and any(s <= a and b <= e for s, e in spans)]
        row = Row(ids, group=int(ask.get("group", 0)))
        answer = next((i for i, (a, b) in enumerate(offsets) if b > a and a >= answer_at), len(ids))
        row.answer = answer if answer_at >= 0 else 0
        return self._fitted(row, inside, room)

    def _fitted(self, row: Row, cuttable: list[int], room: int) -> Row:
        excess = len(row.ids) - (self.limit - room)
        if excess <= 0:
            return row
        gone = cut(cuttable, excess)
        if gone is None:
            raise TooLong
        row.notes.append(f"{excess} of {len(cuttable)} tokens of the prompt were left out to fit {self.limit}")
        row.answer -= sum(i < row.answer for i in gone)
        row.ids = [t for i, t in enumerate(row.ids) if i not in gone]
        if row.types is not None:
            row.types = [t for i, t in enumerate(row.types) if i not in gone]
        return row

    def _pair(self, ask: Mapping[str, Any]) -> Row:
        first = self._prompt(ask) if self.spec.first == "prompt" else self.safe(str(ask.get(self.spec.first) or ""))
        # A reference is no prompt: cutting it would change what is asked, so only the prompt or source may go.
        loose = () if self.spec.first == "reference" else (0,)
        return self._two(first, self.safe(str(ask["response"])), loose, ask)

    def _two(self, first: str, second: str, loose: Sequence[int], ask: Mapping[str, Any]) -> Row:
        """Two texts as one pair. loose: which of them (0, 1) may be cut."""
        coded = self.tok(first, second, return_token_type_ids=True)
        row = Row(list(coded["input_ids"]), list(coded["token_type_ids"]), group=int(ask.get("group", 0)))
        parts = coded.sequence_ids(0)
        return self._fitted(row, [i for i, part in enumerate(parts) if part in loose], 0)

    def _given(self, ask: Mapping[str, Any], room: int) -> Row:
        """What a wrapper made of the ask, as it is. Whoever asks has broken up special tokens in prompt and response.

        Only the words of the prompt may be cut; places are the tokens of the response, where they can be told.
        """
        given, response = ask["given"], str(ask["response"]).strip()
        if not isinstance(given, str) and isinstance(given[0], str):
            first, second = given
            return self._two(first, second, [i for i, text in enumerate(given) if response not in text], ask)
        special = isinstance(given, str)
        if special:
            text = str(given)
        else:
            turns = [(str(m["role"]), str(m["content"])) for m in given]
            text = self._chat(turns, open_answer=turns[-1][0] != "assistant")
            if response not in text:
                last = max(i for i, (_, content) in enumerate(turns) if response in content)
                head, _, tail = turns[last][1].rpartition(response)
                turns[last] = (turns[last][0], f"{head}{PLACE}{tail}")
                text, _ = self._around(turns, response)
        start = text.rfind(response)
        end = start + len(response)
        spans = []
        for _, content in ask["prompt"]:
            at = text.find(str(content).strip())
            if content.strip() and at >= 0 and (at + len(content.strip()) <= start or at >= end):
                spans.append((at, at + len(content.strip())))
        offsets = self.tok(text, add_special_tokens=special, return_offsets_mapping=True)["offset_mapping"]
        row = self._row(text + self.spec.end, spans, ask, special=special, room=room, answer_at=start)
        if self.spec.family == "process":
            first_token = next((i for i, (a, b) in enumerate(offsets) if b > a and a >= start), 0)
            inside = [i for i, (a, b) in enumerate(offsets) if b > a and start <= a and b <= end]
            row.places = [i - first_token + row.answer for i in inside]  # what was cut stands before
            row.ends = self._step_ends(response, [offsets[i][0] - start for i in inside])
        return row

    def _step_ends(self, response: str, starts: Sequence[int]) -> list[int]:
        """For each step, which of the response's tokens is its last. starts: of the tokens, in the response."""
        ends, at = [], 0
        for step in response.split(self.spec.step_split):
            at += len(step)
            inside = [i for i, s in enumerate(starts) if s < at]
            if step.strip() and inside:
                ends.append(inside[-1])
            at += len(self.spec.step_split)
        return sorted(set(ends))

    def _marked(self, ask: Mapping[str, Any]) -> Row:
        """Source and two candidates, each behind its mark and before a separator (PairRM)."""
        assert self.spec.head is not None
        marks = [self.tok.convert_tokens_to_ids(m) for m in self.spec.head.marks]
        start = [self.tok.cls_token_id] if self.tok.cls_token_id is not None else []
        end = [self.tok.sep_token_id] if self.tok.sep_token_id is not None else []
        source = self.ids(self._prompt(ask))
        a, b = self.ids(self.safe(str(ask["a"]))), self.ids(self.safe(str(ask["b"])))
        row = Row([*start, marks[0], *source, *end, marks[1], *a, *end, marks[2], *b, *end])
        begin = len(start) + 1
        row = self._fitted(row, list(range(begin, begin + len(source))), 0)
        row.places = [row.ids.index(m) for m in marks]
        return row

    def apart(self, text: str) -> Row:
        """One text by itself, as an estimator encodes source, response and reference. Raises TooLong."""
        row = Row(list(self.tok(self.safe(text))["input_ids"]))
        return self._fitted(row, [], 0)

    # -- places -----------------------------------------------------------------------------------------------------

    def token(self, text: str) -> int:
        """The one token that a label is, as it would follow the prompt. Raises ValueError where it is several."""
        for version in (text, f" {text}"):
            ids = self.ids(version)
            if len(ids) == 1 and ids[0] != self.tok.unk_token_id:
                return int(ids[0])
        raise ValueError(f"{text!r} is not one token of this tokenizer but {len(self.ids(text))}")

    def after(self, ids: Sequence[int], mark: str) -> int:
        """Position of the last token of the last occurrence of a text of marks. Raises ValueError."""
        wanted = self.ids(mark)
        for start in range(len(ids) - len(wanted), -1, -1):
            if list(ids[start : start + len(wanted)]) == wanted:
                return start + len(wanted) - 1
        raise ValueError(f"{mark!r} does not occur in the rendered conversation")
