"""One scorer a way of asking: rows from texts, states from the model, labels from the head. All answer in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from rlar.engines.models.batching import plan
from rlar.engines.models.inside.forward import CLOSE, Forward
from rlar.engines.models.inside.loading import class_of, load_class, load_with_head, longest, tokenizer_of
from rlar.engines.models.inside.texts import Row, Texts, TooLong
from rlar.engines.models.spec import ModelSpec

Ask = Mapping[str, Any]
Answer = dict[str, Any]


class Scorer:
    """Base: turns asks into rows, equal rows into one, and failures of one row into its own fault."""

    def __init__(self, spec: ModelSpec, *, dtype: str, device: str, budget: int) -> None:
        self.spec = spec
        self.dtype = dtype
        self.device = device
        self.budget = budget
        self.tok = tokenizer_of(spec.path)
        self.rows_seen = 0
        self.load()
        self.texts = Texts(spec, self.tok, longest(spec, self.tok, self.forward.body.config))
        self.ready()

    forward: Forward

    def load(self) -> None:
        raise NotImplementedError

    def ready(self) -> None:
        """What needs texts and model: ids of marks and labels."""

    def row(self, ask: Ask) -> Row:
        return self.texts.row(ask)

    def labels(self, rows: Sequence[Row]) -> list[Answer]:
        """An answer for each row. May raise for all of them."""
        raise NotImplementedError

    def answer(self, asks: Sequence[Ask]) -> list[Answer]:
        """One answer per ask: labels, steps or a text; or fault and why. Never raises for one ask."""
        answers: list[Answer | None] = [None] * len(asks)
        rows: dict[tuple[Any, ...], tuple[Row, list[int]]] = {}
        for i, ask in enumerate(asks):
            try:
                row = self.row(ask)
            except TooLong:
                answers[i] = {"too_long": True}
            except Exception as e:  # a template, a tokenizer or a spec that does not suit them
                answers[i] = {"fault": "crashed", "why": f"its input could not be made ({type(e).__name__}: {e})"[:300]}
            else:
                key = (tuple(row.ids), tuple(row.types or ()), tuple(row.places), row.answer)
                rows.setdefault(key, (row, []))[1].append(i)
        self.rows_seen += len(rows)
        for (row, places), found in zip(rows.values(), self._guarded([r for r, _ in rows.values()]), strict=True):
            for i in places:
                answers[i] = {**found, "notes": row.notes, "tokens": len(row.ids)}
        assert all(a is not None for a in answers)
        return [a for a in answers if a is not None]

    def _guarded(self, rows: list[Row]) -> list[Answer]:
        """Labels of all rows; where that fails, of halves, so that one row's failure is its own."""
        if not rows:
            return []
        try:
            return self.labels(rows)
        except (RuntimeError, MemoryError, ValueError, IndexError) as e:
            if self.device.startswith("cuda"):
                torch.cuda.empty_cache()
            if len(rows) == 1:
                return [{"fault": "crashed", "why": f"{type(e).__name__}: {e}"[:300]}]
            half = len(rows) // 2
            return [*self._guarded(rows[:half]), *self._guarded(rows[half:])]

    def facts(self) -> dict[str, Any]:
        body = self.forward.body
        return {
            "parameters": sum(p.numel() for p in body.parameters()),
            "max_tokens": self.texts.limit,
            "causal": self.forward.causal,
            "shares_prefixes": self.forward.shares,
            "model": type(body).__name__,
            "marks": list(self.texts.marks),
        }


class Classifier(Scorer):
    """transformers' own sequence classifiers: decoders by the state of their last token, encoders whole."""

    def load(self) -> None:
        self.model = load_class(self.spec.path, class_of(self.spec), self.dtype, self.device)
        config = self.model.config
        body = getattr(self.model, self.model.base_model_prefix, None)
        self.score = getattr(self.model, "score", None)
        usable = body is not None and callable(self.score) and not getattr(config, "is_encoder_decoder", False)
        self.split = usable
        self.pad = getattr(config, "pad_token_id", None)
        self.forward = Forward(body if usable else self.model, device=self.device, budget=self.budget, causal=usable)

    def ready(self) -> None:
        if not self.split:
            return
        self.forward.check(len(self.tok))
        probe = Row(self.texts.ids("a quick check of one sentence") or [1, 2, 3])
        self._place(probe)
        short = torch.tensor(self._by_states([probe])[0]["labels"])
        with torch.inference_mode():
            ids = torch.tensor([probe.ids], device=self.device)
            whole = self.model(input_ids=ids).logits[0].float().cpu()
        close = CLOSE if self.dtype == "float32" else 5e-2
        self.split = bool(torch.allclose(short, whole, atol=close * max(1.0, float(whole.abs().max()))))

    def _place(self, row: Row) -> None:
        """Where transformers looks: the last token that is not its padding token, which may well end a text."""
        places = [i for i, t in enumerate(row.ids) if t != self.pad] if self.pad is not None else []
        row.places = [places[-1] if places else len(row.ids) - 1]

    def labels(self, rows: Sequence[Row]) -> list[Answer]:
        if self.split:
            for row in rows:
                self._place(row)
            return self._by_states(rows)
        answers: list[Answer] = [{} for _ in rows]
        for batch in plan([len(r.ids) for r in rows], self.budget):
            some = [rows[i] for i in batch]
            with torch.inference_mode():
                arguments = {**self._masked(some)}
                logits = self.model(**arguments).logits.float().cpu()
            for i, values in zip(batch, logits.tolist(), strict=True):
                answers[i] = {"labels": values}
        return answers

    def _masked(self, rows: Sequence[Row]) -> dict[str, Any]:
        causal, self.forward.causal = self.forward.causal, False
        try:
            return self.forward.inputs(rows)
        finally:
            self.forward.causal = causal

    def _by_states(self, rows: Sequence[Row]) -> list[Answer]:
        states = torch.cat(self.forward.states(rows))
        with torch.inference_mode():
            assert self.score is not None
            weight = next(self.score.parameters())
            logits = self.score(states.to(weight.dtype)).float().cpu()
        return [{"labels": values} for values in logits.tolist()]


class WithHead(Scorer):
    """Heads of our own code on a transformer's states."""

    def load(self) -> None:
        assert self.spec.head is not None
        body, self.head = load_with_head(self.spec.path, self.spec.head, self.dtype, self.device)
        encoder = self.spec.head.kind in ("pair", "estimator")
        self.forward = Forward(body, device=self.device, budget=self.budget, causal=not encoder)

    def ready(self) -> None:
        self.forward.check(len(self.tok))

    def labels(self, rows: Sequence[Row]) -> list[Answer]:
        head = self.spec.head
        assert head is not None
        for row in rows:
            last = len(row.ids) - 1
            if head.kind == "gated":
                row.places = [self.texts.after(row.ids, head.gate_at), last]
            elif head.kind != "pair":
                row.places = [last]
        out = []
        for states in self.forward.states(rows):
            with torch.inference_mode():
                labels = self.head.labels(states).float().cpu()
            out.append({"labels": labels.reshape(-1).tolist()})
        return out


class Estimator(WithHead):
    """Source, response and reference are encoded apart; an answer needs all three."""

    def ready(self) -> None:
        super().ready()
        self._memory: dict[tuple[int, ...], Any] = {}

    def answer(self, asks: Sequence[Ask]) -> list[Answer]:
        answers: list[Answer] = []
        rows: dict[str, Row | None] = {}
        texts = [(str(a["response"]), str(a.get("source") or ""), str(a.get("reference") or "")) for a in asks]
        for text in dict.fromkeys(t for triple in texts for t in triple):
            try:
                rows[text] = self.texts.apart(text)
            except TooLong:
                rows[text] = None
        fitting = {t: r for t, r in rows.items() if r is not None}
        try:
            pooled = dict(zip(fitting, self._pooled(list(fitting.values())), strict=True))
        except (RuntimeError, MemoryError) as e:
            return [{"fault": "crashed", "why": f"{type(e).__name__}: {e}"[:300]} for _ in asks]
        for response, source, reference in texts:
            if rows[response] is None:
                answers.append({"too_long": True})
            elif rows[source] is None or rows[reference] is None:
                answers.append({"fault": "missing", "why": "its source or reference is longer than the model reads"})
            else:
                with torch.inference_mode():
                    labels = self.head.estimate(pooled[response], pooled[source], pooled[reference])
                tokens = sum(len(fitting[t].ids) for t in (response, source, reference))
                answers.append({"labels": labels.float().cpu().tolist(), "tokens": tokens})
        self.rows_seen += len(fitting)
        return answers

    def _pooled(self, rows: Sequence[Row]) -> list[Any]:
        for row in rows:
            row.places = list(range(len(row.ids)))
        return [states.mean(dim=0) for states in self.forward.states(rows)]


class Steps(Scorer):
    """Labels at the marks after each step: of a token classifier, an own head, or label tokens."""

    def load(self) -> None:
        spec = self.spec
        if spec.head is not None:
            body, self.head = load_with_head(spec.path, spec.head, self.dtype, self.device)
            self.of: Callable[[Any], Any] = self.head.labels
        else:
            model = load_class(spec.path, class_of(spec), self.dtype, self.device)
            body = getattr(model, model.base_model_prefix)
            top = model.get_output_embeddings() if spec.tokens else model.score
            self.of = lambda states: top(states.to(next(top.parameters()).dtype)).float()
        self.forward = Forward(body, device=self.device, budget=self.budget, causal=True)

    def ready(self) -> None:
        self.forward.check(len(self.tok))
        marks = self.texts.ids(self.spec.step_mark)
        if not marks:
            raise ValueError(f"step mark {self.spec.step_mark!r} is no token of this tokenizer")
        self.mark = marks[-1]
        self.wanted = [self.texts.token(t) for t in self.spec.tokens]

    def row(self, ask: Ask) -> Row:
        row = self.texts.row(ask)
        row.places = [i for i, t in enumerate(row.ids) if t == self.mark and i >= row.answer]
        if not row.places:
            raise ValueError("no step mark is left in the rendered conversation")
        return row

    def labels(self, rows: Sequence[Row]) -> list[Answer]:
        out: list[Answer] = []
        for states in self.forward.states(rows):
            with torch.inference_mode():
                labels = self.of(states).float().cpu()
            out.append({"steps": (labels[:, self.wanted] if self.wanted else labels).tolist()})
        return out


class Positions(Scorer):
    """Labels at every token of the response, of a token classifier that a wrapper asks."""

    def load(self) -> None:
        self.model = load_class(self.spec.path, class_of(self.spec), self.dtype, self.device)
        self.forward = Forward(self.model, device=self.device, budget=self.budget, causal=False)

    def labels(self, rows: Sequence[Row]) -> list[Answer]:
        answers: list[Answer] = [{} for _ in rows]
        for batch in plan([len(r.ids) for r in rows], self.budget):
            with torch.inference_mode():
                logits = self.model(**self.forward.inputs([rows[i] for i in batch])).logits.float().cpu()
            for j, i in enumerate(batch):
                answers[i] = {"positions": logits[j, rows[i].places].tolist(), "ends": rows[i].ends}
        return answers


class Language(Scorer):
    """A causal language model: base of what asks for a label token, a likelihood or a text."""

    def load(self) -> None:
        self.model = load_class(self.spec.path, "AutoModelForCausalLM", self.dtype, self.device)
        self.forward = Forward(
            getattr(self.model, self.model.base_model_prefix), device=self.device, budget=self.budget, causal=True
        )

    def ready(self) -> None:
        self.forward.check(len(self.tok))


def logits_of(model: Any, states: Any) -> Any:
    """Logits over the vocabulary for hidden states, as the model's own forward would give them."""
    top = model.get_output_embeddings()
    logits = top(states.to(next(top.parameters()).dtype)).float()
    config = model.config
    if scale := getattr(config, "logit_scale", None):  # Cohere
        logits = logits * scale
    if scale := getattr(config, "logits_scaling", None):  # Granite
        logits = logits / scale
    if cap := getattr(config, "final_logit_softcapping", None):  # Gemma
        logits = torch.tanh(logits / cap) * cap
    return logits


class LabelToken(Language):
    """Logits of the label tokens where the answer would start."""

    def ready(self) -> None:
        super().ready()
        self.wanted = [self.texts.token(t) for t in self.spec.tokens]

    def labels(self, rows: Sequence[Row]) -> list[Answer]:
        for row in rows:
            row.places = [len(row.ids) - 1]
        states = torch.cat(self.forward.states(rows))
        with torch.inference_mode():
            logits = logits_of(self.model, states)
            if self.spec.format == "given":  # a wrapper reads shares of the whole vocabulary
                logits = torch.log_softmax(logits, dim=-1)
            wanted = logits[:, self.wanted].cpu()
        return [{"labels": values} for values in wanted.tolist()]


class LogRatio(Language):
    """Log-likelihoods of the response under policy and reference model."""

    def load(self) -> None:
        super().load()
        self.base = load_class(self.spec.base_path, "AutoModelForCausalLM", self.dtype, self.device)
        self.second = Forward(
            getattr(self.base, self.base.base_model_prefix), device=self.device, budget=self.budget, causal=True
        )
        if self.base.get_output_embeddings().weight.shape[0] != self.model.get_output_embeddings().weight.shape[0]:
            raise ValueError("policy and reference model have vocabularies of different sizes")

    def ready(self) -> None:
        super().ready()
        self.second.check(len(self.tok))

    def labels(self, rows: Sequence[Row]) -> list[Answer]:
        for row in rows:
            row.places = list(range(max(1, row.answer) - 1, len(row.ids) - 1))
        first = self._likelihoods(self.forward, self.model, rows)
        second = self._likelihoods(self.second, self.base, rows)
        return [{"labels": [a, b]} for a, b in zip(first, second, strict=True)]

    def _likelihoods(self, forward: Forward, model: Any, rows: Sequence[Row]) -> list[float]:
        out = []
        for start in range(0, len(rows), 64):  # states of every token of a response are held; so few at a time
            some = rows[start : start + 64]
            for row, states in zip(some, forward.states(some), strict=True):
                targets = torch.tensor(row.ids[row.places[0] + 1 :], device=self.device)
                total = 0.0
                with torch.inference_mode():
                    for part, goal in zip(states.split(128), targets.split(128), strict=True):
                        logs = torch.log_softmax(logits_of(model, part), dim=-1)
                        total += float(logs.gather(1, goal[:, None]).double().sum())
                out.append(total)
        return out


class Writer(Language):
    """What the model writes, greedily: critiques with grades, preferences, lists of grades."""

    def row(self, ask: Ask) -> Row:
        return self.texts.row(ask, room=self.spec.max_new_tokens)

    def labels(self, rows: Sequence[Row]) -> list[Answer]:
        answers: list[Answer] = [{} for _ in rows]
        pad = self.tok.pad_token_id if self.tok.pad_token_id is not None else 0
        for batch in plan([len(r.ids) + self.spec.max_new_tokens for r in rows], self.budget):
            width = max(len(rows[i].ids) for i in batch)
            ids = torch.full((len(batch), width), pad)
            mask = torch.zeros(len(batch), width, dtype=torch.long)
            for j, i in enumerate(batch):
                ids[j, width - len(rows[i].ids) :] = torch.tensor(rows[i].ids)
                mask[j, width - len(rows[i].ids) :] = 1
            with torch.inference_mode():
                written = self.model.generate(
                    input_ids=ids.to(self.device),
                    attention_mask=mask.to(self.device),
                    max_new_tokens=self.spec.max_new_tokens,
                    do_sample=False,
                    num_beams=1,
                    pad_token_id=pad,
                )
            for j, i in enumerate(batch):
                answers[i] = {"text": self.tok.decode(written[j, width:], skip_special_tokens=True)}
        return answers


def scorer_for(spec: ModelSpec, *, dtype: str, device: str, budget: int) -> Scorer:
    """Raises Refused, OSError or ValueError where the folder is not what the spec says."""
    cls: type[Scorer]
    if spec.family == "process":
        cls = Positions if spec.format == "given" else Steps
    elif spec.head is not None:
        cls = Estimator if spec.head.kind == "estimator" else WithHead
    elif spec.family == "label_token":
        cls = LabelToken
    elif spec.family == "log_ratio":
        cls = LogRatio
    elif spec.family.startswith("generative"):
        cls = Writer
    else:
        cls = Classifier
    return cls(spec, dtype=dtype, device=device, budget=budget)
