"""What must be known of a reward model to load and ask it: plain values, found by rules or written by hand.

Standard library only: the parent process reads specs, only model workers import torch. A spec is data, never code.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from rlar.types import Json, Scope, content_key

RULES = ("only", "difference", "index", "probability", "expected", "weights", "mean")
HEADS = ("linear", "gated", "means", "pair", "estimator")
FORMATS = ("chat", "text", "pair", "given")
STEP_RULES = ("min", "product", "mean", "last")
SQUASHES = ("none", "sigmoid")
DTYPES = ("auto", "float32", "bfloat16", "float16")
APIS = ("vllm_classify", "vllm_pooling", "sglang_classify", "tei_rerank", "tei_predict", "openai_tokens", "openai_chat")
_LAYER = re.compile(r"[A-Za-z_][\w.]{0,120}")


@dataclass(frozen=True, slots=True)
class Head:
    """A head that transformers has no class for, rebuilt here from its tensors; nothing of the repository's code runs.

    kind:
      linear     layers (with `activation` between them) on the last token's state -> one or several labels
      gated      layers give attributes (the mean of `quantiles` numbers each); `transform` mixes them; the gate's
                 layers (relu between them), softmax over `temperature`, times `gate_scale`, weigh them; the gate
                 reads the state at the last token of the answer's opening, `gate_at` (ArmoRM, QRM)
      means      labels are (mean, deviation) pairs of attributes; the means count (URM)
      pair       states of three marks (source, candidate 1, candidate 2) -> layers on (source, candidate); the
                 difference of both candidates (PairRM)
      estimator  pooled states of response, source and reference, their products and differences -> layers (COMET)
    layers: prefixes of the tensors of the linear layers, in order, e.g. ("v_head.summary.0", "v_head.summary.2").
    body: prefix under which the transformer's own tensors lie, "model" unless said otherwise.
    gate: like layers. gate_scale, transform: names of tensors, "" where there is none.
    marks: for kind pair: texts of the three marks.
    """

    kind: str = "linear"
    layers: tuple[str, ...] = ("score",)
    activation: str = "relu"
    body: str = "model"
    gate: tuple[str, ...] = ()
    gate_scale: str = ""
    gate_at: str = ""
    temperature: float = 1.0
    transform: str = ""
    quantiles: int = 1
    marks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _one_of("head", self.kind, HEADS)
        _one_of("activation", self.activation, ("relu", "tanh", "selu", "gelu", "silu"))
        for name in (*self.layers, *self.gate, *filter(None, (self.transform, self.gate_scale, self.body))):
            if not _LAYER.fullmatch(name):
                raise ValueError(f"{name[:80]!r} is no name of a tensor")
        if not self.layers:
            raise ValueError("a head has at least one layer")
        if self.kind == "gated" and not self.gate:
            raise ValueError("a gated head names the layers of its gate")
        if self.kind == "pair" and len(self.marks) != 3:
            raise ValueError("a pair head names its three marks: source, candidate 1, candidate 2")
        if self.quantiles < 1 or not (math.isfinite(self.temperature) and self.temperature > 0):
            raise ValueError("quantiles and temperature are positive")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A scorer that somebody serves. api: one of APIS. model: its name there. key_env: environment variable of its key.

    url: base address, e.g. "http://host:8000". timeout_s: of one request. retries: of one request, on 429, 5xx and
    broken connections. concurrency: requests in flight. batch: inputs in one request.
    """

    url: str
    api: str = "vllm_classify"
    model: str = ""
    key_env: str = ""
    timeout_s: float = 30.0
    retries: int = 3
    concurrency: int = 8
    batch: int = 32

    def __post_init__(self) -> None:
        _one_of("api", self.api, APIS)
        if not self.url.startswith(("http://", "https://")):
            raise ValueError(f"an endpoint's address starts with http:// or https://, not {self.url[:40]!r}")
        if self.timeout_s <= 0 or self.retries < 0 or self.concurrency < 1 or self.batch < 1:
            raise ValueError("timeout_s, concurrency and batch are positive, retries not negative")


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One reward model, ready to be loaded or asked.

    family: a key of FAMILIES.
    path: folder with config, tokenizer and safetensors; "" for a remote one. repo, revision: where it came from
    (revision: 40 hex digits), for cards; nothing is fetched here. files: name -> SHA-256 of every file that decides
    values (see rlar.engines.models.files). licence: as settled by whoever made the spec.
    format: chat (the tokenizer's chat template, or `chat_template`), text (`prompt_format` filled in), pair (two texts
    as one pair for the tokenizer: `first` and the response), given (what the asks bring: see tools.wrapped_model).
    prompt_format: Python format with {prompt} {response} {reference} {source} {a} {b} {responses} and {n}; only these
    names. first: for pair: prompt, reference or source. end: text appended after the answer, e.g. "<|reward|>".
    system: system message for chat, "" for none.
    rule: how labels become one number: only (there is one), difference (logit of `positive` minus the other), index
    (logit of `positive`), probability (softmax of `positive`), expected (softmax average of `weights`, or of the
    labels' numbers 0..n-1), weights (dot product), mean.
    positive: index of the label that counts, for difference, index and probability.
    head: own head, None where transformers' classifier is right.
    tokens: texts of the label tokens, the better one first: ("Yes", "No"), ("A", "B"), ("+", "-").
    base_path: for log_ratio: folder of the reference model; base_files: its hashes; base_repo, base_revision: where it
    came from, like repo and revision. beta: factor of the log ratio.
    step_mark: for process: text of the token at which a step is scored; step_split: what separates steps in a response.
    step_rule: how steps become one number. step_label: index of the good label.
    pattern: for generative: a regular expression whose first group is the verdict; the last match counts.
    max_new_tokens: for generative.
    max_tokens: longest input; 0: what config and tokenizer say. dtype: of the weights and the sums; auto: as stored.
    squash: none or sigmoid. low, high: range of the value after it; what lies beyond is set to the bound, and the
    verdict says so.
    parameters: count, for cost and memory; 0 where unknown.
    """

    family: str
    path: str = ""
    repo: str = ""
    revision: str = ""
    licence: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    format: str = "chat"
    chat_template: str = ""
    prompt_format: str = ""
    first: str = "prompt"
    end: str = ""
    system: str = ""
    rule: str = "only"
    positive: int = 1
    weights: tuple[float, ...] = ()
    head: Head | None = None
    tokens: tuple[str, ...] = ()
    base_path: str = ""
    base_files: Mapping[str, str] = field(default_factory=dict)
    base_repo: str = ""
    base_revision: str = ""
    beta: float = 1.0
    step_mark: str = ""
    step_split: str = "\n\n"
    step_rule: str = "min"
    step_label: int = 1
    pattern: str = ""
    max_new_tokens: int = 256
    max_tokens: int = 0
    dtype: str = "auto"
    squash: str = "none"
    low: float = -100.0
    high: float = 100.0
    parameters: int = 0
    endpoint: Endpoint | None = None

    def __post_init__(self) -> None:
        _one_of("family", self.family, tuple(FAMILIES))
        _one_of("format", self.format, FORMATS)
        _one_of("rule", self.rule, RULES)
        _one_of("step_rule", self.step_rule, STEP_RULES)
        _one_of("squash", self.squash, SQUASHES)
        _one_of("dtype", self.dtype, DTYPES)
        _one_of("first", self.first, ("prompt", "reference", "source"))
        for revision in filter(None, (self.revision, self.base_revision)):
            if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", revision):
                raise ValueError(f"a revision is a commit's 40 hex digits, not {revision[:60]!r}")
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"needs finite low < high, not {self.low} and {self.high}")
        if self.prompt_format:
            check_format(self.prompt_format)
        if self.max_tokens < 0 or self.max_new_tokens < 1 or not all(map(math.isfinite, (*self.weights, self.beta))):
            raise ValueError("max_tokens is not negative, max_new_tokens positive, weights and beta finite")
        wrong = FAMILIES[self.family].lacks(self)
        if wrong:
            raise ValueError(f"{self.family}: {wrong}")

    def __hash__(self) -> int:
        return hash((self.version, self.path))

    @property
    def scope(self) -> Scope:
        """GROUP where a judgement compares responses."""
        if self.family in ("generative_pair", "generative_list") or self.compares:
            return Scope.GROUP
        return Scope.RESPONSE

    @property
    def compares(self) -> bool:
        """Whether one input holds two responses, {a} and {b}."""
        return "{a}" in self.prompt_format or (self.head is not None and self.head.kind == "pair")

    @property
    def needs(self) -> tuple[str, ...]:
        """What a query must have: reference, source."""
        named = self.prompt_format if self.format == "text" else ""
        wanted = [
            n for n in ("reference", "source") if f"{{{n}}}" in named or (self.format == "pair" and self.first == n)
        ]
        if self.head is not None and self.head.kind == "estimator":
            wanted = ["reference", "source"]
        return tuple(wanted)

    @property
    def name(self) -> str:
        """The repository, or the folder's own name; for people."""
        where = self.repo or (self.endpoint.model or self.endpoint.url if self.endpoint else "")
        return where or self.path.rstrip("/").rpartition("/")[2]

    @property
    def version(self) -> str:
        """12 hex digits over all that decides values: settings and weights, not where they lie."""
        body = self.to_json()
        for name in ("path", "base_path", "repo", "revision", "base_repo", "base_revision", "licence", "parameters"):
            body.pop(name)
        return content_key(body)[:12]

    def to_json(self) -> dict[str, Json]:
        return json.loads(json.dumps(asdict(self)))  # type: ignore[no-any-return]

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> ModelSpec:
        """Raises ValueError for unknown or wrong fields."""
        known = {f.name for f in fields(cls)}
        if set(body) - known:
            raise ValueError(f"a model's spec has no {', '.join(sorted(set(body) - known))}")
        values = _tuples(body)
        try:
            if values.get("head") is not None:
                values["head"] = Head(**_tuples(values["head"]))
            if values.get("endpoint") is not None:
                values["endpoint"] = Endpoint(**values["endpoint"])
            return cls(**values)
        except (TypeError, AttributeError) as e:
            raise ValueError(f"no spec of a model: {e}") from e

    def at(self, path: str, *, base_path: str | None = None) -> ModelSpec:
        """The same model in another folder."""
        return replace(self, path=path, base_path=self.base_path if base_path is None else base_path)


@dataclass(frozen=True, slots=True)
class Family:
    """One way of asking a reward model. loader: the class of transformers that loads it, "" where own code does.

    known_by: what in config, tokenizer or card says that a model is of this family; for people and for whoever writes
    rules. must: fields of the spec that may not be empty.
    """

    about: str
    loader: str
    known_by: tuple[str, ...]
    must: tuple[str, ...] = ()

    def lacks(self, spec: ModelSpec) -> str:
        settled = {"base_path": bool(spec.base_repo), "step_mark": spec.format == "given"}
        missing = [name for name in self.must if not (getattr(spec, name) or settled.get(name))]
        return f"its spec needs {', '.join(missing)}" if missing else ""


FAMILIES: dict[str, Family] = {
    "classifier": Family(
        "a sequence classifier over prompt and response: one label, or several with a rule",
        "AutoModelForSequenceClassification",
        ("architectures[0] ends with ForSequenceClassification", "num_labels or id2label", "a chat template"),
    ),
    "own_head": Family(
        "a transformer with a head that transformers has no class for: value heads, attributes, gates, quantiles",
        "AutoModel",
        ("an architecture of OWN_HEADS", "tensors v_head.*, regression_head.*, regression_layer.*, gating.*"),
        ("head",),
    ),
    "label_token": Family(
        "a language model that is asked a closed question; the probability of the better label's token",
        "AutoModelForCausalLM",
        ("architectures[0] ends with ForCausalLM", "the card names two label tokens (Yes/No, A/B) and a prompt"),
        ("tokens",),
    ),
    "log_ratio": Family(
        "two language models: beta times the log-likelihood ratio of the response (implicit reward of DPO)",
        "AutoModelForCausalLM",
        (
            "architectures[0] ends with ForCausalLM",
            "the card says DPO or implicit reward and names its reference model",
        ),
        ("base_path",),
    ),
    "generative_score": Family(
        "a language model that writes a critique and a grade",
        "AutoModelForCausalLM",
        ("architectures[0] ends with ForCausalLM", "the card gives a grading prompt and the form of the grade"),
        ("prompt_format", "pattern"),
    ),
    "generative_pair": Family(
        "a language model that writes which of two responses is better; asked in both orders",
        "AutoModelForCausalLM",
        ("architectures[0] ends with ForCausalLM", "the card's prompt holds two responses and a verdict A or B"),
        ("prompt_format", "pattern"),
    ),
    "generative_list": Family(
        "a language model that writes one grade for each response of a group",
        "AutoModelForCausalLM",
        ("architectures[0] ends with ForCausalLM", "the card's prompt lists responses and asks for all their grades"),
        ("prompt_format", "pattern"),
    ),
    "cross_encoder": Family(
        "an encoder that reads two texts as a pair: prompt and response, or reference and response",
        "AutoModelForSequenceClassification",
        ("an encoder (BERT, DeBERTa, XLM-R ...) ForSequenceClassification", "no chat template"),
    ),
    "reference": Family(
        "compares with a reference, and perhaps the source: cross-encoders and COMET-like estimators",
        "AutoModelForSequenceClassification",
        ("the card says that a reference is needed", "an estimator over pooled encodings (COMET)"),
    ),
    "process": Family(
        "scores every step of a solution at a mark: by labels of a token classifier or by label tokens",
        "AutoModelForTokenClassification",
        ("ForTokenClassification or ForProcessRewardModel", "a step mark among the added tokens (<extra_0>)", "'prm'"),
        ("step_mark",),
    ),
    "remote": Family(
        "a scorer that somebody serves: vLLM, SGLang, TEI or an OpenAI-compatible address",
        "",
        ("an address is given",),
        ("endpoint",),
    ),
}

_FIELD = re.compile(r"\{([^{}]*)\}")
FIELDS = ("prompt", "response", "reference", "source", "a", "b", "responses", "n")


def check_format(text: str) -> None:
    """Raises ValueError where a prompt's format holds a placeholder that nothing fills."""
    bare = text.replace("{{", "").replace("}}", "")
    unknown = [name for name in _FIELD.findall(bare) if name not in FIELDS]
    if unknown or bare.count("{") != len(_FIELD.findall(bare)) or bare.count("{") != bare.count("}"):
        raise ValueError(
            f"a prompt's format knows {', '.join(FIELDS)}; {text[:80]!r} has others; write {{{{ for a brace"
        )


def _tuples(body: Mapping[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in body.items()}


def _one_of(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"{what} is one of {', '.join(known)}, not {value!r}")


# Architectures with heads of their own: what their configs name -> fields of the spec, from what was published of them.
OWN_HEADS: dict[str, dict[str, Any]] = {
    "LlamaForRewardModelWithGating": {  # ArmoRM
        "family": "own_head",
        "head": Head(
            "gated",
            ("regression_layer",),
            gate=("gating.layers.0", "gating.layers.1", "gating.layers.2", "gating.layers.3"),
            gate_scale="gating.logit_scale",
            gate_at="<|start_header_id|>assistant<|end_header_id|>\n\n",
            temperature=10.0,
            transform="reward_transform_matrix",
        ),
        "rule": "only",
    },
    "InternLM2ForRewardModel": {
        "family": "own_head",
        "head": Head("linear", ("v_head",)),
        "end": "<|reward|>",
    },
    "EurusRewardModel": {
        "family": "own_head",
        "head": Head("linear", ("regression_head",)),
        "format": "text",
        "prompt_format": "[INST] {prompt} [/INST] {response}",
    },
    "LlamaRewardModel": {  # UltraRM
        "family": "own_head",
        "head": Head("linear", ("regression_head",)),
        "format": "text",
        "prompt_format": "Human: {prompt}\n\nAssistant: {response}",
    },
    "DebertaV2PairRM": {
        "family": "own_head",
        "head": Head(
            "pair",
            ("head_layer.1", "head_layer.4"),
            activation="tanh",
            body="pretrained_model",
            marks=("<|source|>", "<|candidate1|>", "<|candidate2|>"),
        ),
        "format": "text",
    },
    "Qwen2ForProcessRewardModel": {  # Qwen2.5-Math-PRM
        "family": "process",
        "head": Head("linear", ("score.0", "score.2")),
        "step_mark": "<extra_0>",
        "low": 0.0,
        "high": 1.0,
    },
}
