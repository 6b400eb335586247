"""Which family a model is of, and how it is asked: rules over config, tensor names, tokenizer and card. No LLM.

Each rule gives fields of a ModelSpec, or a reason why not. Code of a repository is never read: an architecture that is
rebuilt in engines.models is taken although its repository brings code (auto_map), any other such is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rlar.acquire.web_agent.bases import base_of, beta_of, is_policy
from rlar.acquire.web_agent.facts import Facts
from rlar.acquire.web_agent.hints import METRIC_WORDS, PROCESS_WORDS, calls_itself_reward_model, named, says
from rlar.acquire.web_agent.prompts import PAIR, PROMETHEUS, RATING, SCORES, YES_NO, Asked
from rlar.acquire.web_agent.reading import strings
from rlar.engines.models.spec import OWN_HEADS, Head, ModelSpec
from rlar.types import Json

# What transformers has sequence classifiers for, by how they read: one text from left to right, or two texts as a pair.
DECODERS = frozenset(
    (
        *("llama", "mistral", "mixtral", "ministral", "qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "gemma", "gemma2"),
        *("gemma3_text", "phi", "phi3", "gpt2", "gpt_neo", "gpt_neox", "gptj", "gpt_bigcode", "opt", "bloom", "falcon"),
        *("stablelm", "starcoder2", "nemotron", "glm", "glm4", "smollm3", "persimmon", "mpt", "olmo", "olmo2"),
    )
)
ENCODERS = frozenset(
    (
        *("bert", "roberta", "xlm-roberta", "xlm-roberta-xl", "deberta", "deberta-v2", "distilbert", "electra"),
        *("albert", "mpnet", "modernbert", "camembert", "longformer", "big_bird", "rembert", "ernie", "funnel"),
    )
)
GOOD = frozenset(
    (
        *("good", "chosen", "positive", "helpful", "harmless", "safe", "accept", "accepted", "correct", "right", "yes"),
        *("better", "preferred", "win"),
    )
)
BAD = frozenset(
    (
        *("bad", "rejected", "negative", "unhelpful", "harmful", "unsafe", "reject", "wrong", "incorrect", "no"),
        *("worse", "lose"),
    )
)
OVERALL = (
    "reward",
    "overall",
    "score",
    "overall_score",
    "quality",
    "helpfulness",
    "helpsteer-helpfulness",
    "preference",
)
STEP_MARKS = ("<extra_0>", "<|step|>", "<step>", "<PRM>", "<|reserved_special_token_0|>")
URM_WEIGHTS = (0.3, 0.74, 0.46, 0.47, -0.33)  # what its card states for its five attributes
HEAD_TENSORS = re.compile(r"(score|classifier|classifier\.(out_proj|dense)|classification_head\.out_proj)\.weight")
VALUE_HEAD = re.compile(r"(v_head|value_head|reward_head|regression_head|rm_head|score_head)(\.[\w.]+)?\.weight")
EMBEDDINGS = re.compile(
    r"(?:(.+?)\.)?(embed_tokens|wte|word_embeddings|embed_in|tok_embeddings|embeddings\.word_embeddings)\.weight"
)


@dataclass(frozen=True, slots=True)
class Recognised:
    """family: of engines.models, "" where it is none that can be taken; then reason names the filter, and why says it.

    fields: of the ModelSpec, beside path, repo, revision, licence, files. says: how it was told, for people.
    base: name of the reference model that it needs beside it.
    """

    family: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    says: str = ""
    reason: str = ""
    why: str = ""
    base: str = ""


def no(reason: str, why: str) -> Recognised:
    return Recognised(reason=reason, why=why)


def recognise(facts: Facts) -> Recognised:
    """The family of a repository by the first rule that speaks. Never raises for what stands in it."""
    for rule in RULES:
        found = rule(facts)
        if found is not None:
            return found
    if facts.config.get("auto_map"):
        return no("remote_code", f"{facts.architecture or 'its model'} is code of its own, which is never run")
    if not facts.architecture:
        if not facts.read and calls_itself_reward_model(facts):
            return Recognised("classifier", says="calls itself a reward model; its config was not read")
        return no("not_a_reward_model", "its config names no architecture")
    return no("unsupported", f"{facts.architecture} ({facts.model_type or 'no model_type'}) is of no known family")


# -- rules, in order ------------------------------------------------------------------------------------------------


def own_head(facts: Facts) -> Recognised | None:
    """Architectures that engines.models rebuilds: ArmoRM, QRM, InternLM2, Eurus, UltraRM, PairRM, Qwen's PRM."""
    known = OWN_HEADS.get(facts.architecture)
    if known is None:
        return None
    fields = dict(known)
    head: Head = fields["head"]
    if head.kind == "gated":
        n = facts.config.get("num_quantiles")
        t = facts.config.get("gating_temperature")
        if isinstance(n, int) and 1 < n < 1000:
            head = replace(head, quantiles=n)
        if isinstance(t, (int, float)) and 0 < t < 1e6:
            head = replace(head, temperature=float(t))
        if not has_template(facts):
            return no("unsupported", "its gate reads the end of the prompt, and its tokenizer has no chat template")
    fields["head"] = head
    if missing := _missing(facts, [*head.layers, *head.gate]):
        return no("broken", f"its weights lack {missing}, which {facts.architecture} needs")
    return Recognised(fields.pop("family"), fields, f"architecture {facts.architecture}, rebuilt here")


def estimator(facts: Facts) -> Recognised | None:
    """COMET-like: a pooled encoder, and layers over response, source and reference."""
    if not facts.tensors:
        return None
    layers = sorted({m[1] for t in facts.tensors if (m := re.fullmatch(r"(estimator\.ff\.\d+)\.weight", t))}, key=_last)
    if not layers:
        return None
    body = _body(facts)
    return Recognised(
        "reference",
        {"format": "pair", "head": Head("estimator", tuple(layers), "tanh", body=body)},
        "an estimator over a pooled encoder, like COMET's",
    )


def classifier(facts: Facts) -> Recognised | None:
    """ForSequenceClassification of transformers: reward models proper, cross-encoders, metrics."""
    if not facts.architecture.endswith("ForSequenceClassification"):
        return None
    kind = facts.model_type
    if kind not in DECODERS | ENCODERS:
        return None
    if not facts.read and (kind in DECODERS or calls_itself_reward_model(facts) or _is_metric(facts)):
        return Recognised("classifier", says=f"{facts.architecture}; its labels and weights were not read")
    if facts.config.get("auto_map") and not _stock(facts):
        return None  # remote code
    n = label_count(facts)
    if facts.tensors and not any(HEAD_TENSORS.fullmatch(t) for t in facts.tensors):
        return no("broken", "its weights hold no classification head; it would be filled with random numbers")
    if not (calls_itself_reward_model(facts) or (kind in DECODERS and n == 1) or _is_metric(facts)):
        return no(
            "not_a_reward_model", f"a classifier with {n} labels ({_names(facts)}); nothing says that it grades answers"
        )
    if named(facts, frozenset(("urm",))) and n == 2 * len(URM_WEIGHTS):
        fields = {"head": Head("means", ("score",)), "rule": "weights", "weights": URM_WEIGHTS}
        return Recognised("own_head", fields, "URM: pairs of mean and deviation, weighed as its card says")
    rule = _rule(facts, n)
    if rule is None:
        return no("not_scalar", f"{n} labels ({_names(facts)}), and nothing says how they make one number")
    if _is_metric(facts):
        return Recognised("reference", {"format": "pair", "first": "reference", **rule}, "a metric against a reference")
    if kind in ENCODERS:
        return Recognised("cross_encoder", {"format": "pair", **rule}, f"{kind} over prompt and response as a pair")
    return Recognised("classifier", {**_conversation(facts), **rule}, f"{kind} with {n} label{'s' * (n != 1)}")


def steps(facts: Facts) -> Recognised | None:
    """Process reward models: a token classifier, or a language model that says + or - at a mark."""
    is_prm = named(facts, PROCESS_WORDS) or says(facts, "process reward")
    if facts.architecture.endswith("ForTokenClassification"):
        if not is_prm:
            return no("not_a_reward_model", "a tagger of tokens; nothing says that it grades steps")
        if facts.config.get("auto_map") or facts.model_type not in DECODERS:
            return None
        good = _good_label(facts, default=1)
        fields = {"step_mark": _step_mark(facts) or "\n", "step_label": good, "low": 0.0, "high": 1.0}
        return Recognised("process", fields, "a token classifier of steps")
    if not (is_prm and _is_causal(facts)):
        return None
    mark = _step_mark(facts) or ("ки" if "ки" in facts.card or named(facts, frozenset(("shepherd",))) else "")
    if layers := _value_layers(facts):
        fields = {"head": Head("linear", layers, body=_body(facts)), "step_mark": mark or "\n", "low": 0.0, "high": 1.0}
        return Recognised("process", fields, "a value head at every step")
    if not mark:
        return no("unsupported", "a process reward model, but neither tokenizer nor card names the mark of a step")
    fields = {"step_mark": mark, "tokens": ("+", "-"), "low": 0.0, "high": 1.0}
    return Recognised("process", fields, f"+ or - at the mark {mark!r}")


def value_head(facts: Facts) -> Recognised | None:
    """A language model with a value head beside it: GRM, Starling, and what trl's value heads left."""
    if not (
        _is_causal(facts)
        or facts.architecture in ("GPTRewardModel", "RewardModel", "AutoModelForCausalLMWithValueHead")
    ):
        return None
    layers = _value_layers(facts)
    if not layers:
        return None
    if not calls_itself_reward_model(facts):
        return no("not_a_reward_model", "has a value head, but nothing says that it was trained as a reward model")
    fields = {"head": Head("linear", layers, body=_body(facts)), **_conversation(facts)}
    return Recognised("own_head", fields, f"{facts.model_type} with {', '.join(layers)}")


def log_ratio(facts: Facts) -> Recognised | None:
    """An implicit reward: a policy trained by DPO, against the model that it was trained from."""
    if not (_is_causal(facts) and facts.read and is_policy(facts)):
        return None
    if facts.config.get("auto_map") and facts.model_type not in DECODERS:
        return None  # remote code
    if not has_template(facts):
        return no("unsupported", "gives an implicit reward, but has no chat template to tell prompt from response")
    base = base_of(facts)
    if not base.name:
        return no("base", base.says)
    fields = {"beta": beta_of(facts)}
    return Recognised("log_ratio", fields, f"implicit reward against {base.name} ({base.says})", base=base.name)


def generative(facts: Facts) -> Recognised | None:
    """Language models that write a grade or a preference, in a form that is known or that their card shows."""
    if not _is_causal(facts) or not (
        calls_itself_reward_model(facts) or says(facts, "as a judge", "llm judge", "evaluator")
    ):
        return None
    asked: Asked | None = None
    told = ""
    if named(facts, frozenset(("prometheus",))):
        asked, told = PROMETHEUS, "Prometheus: feedback, then [RESULT] 1 to 5"
    elif named(facts, frozenset(("genrm", "nemotron"))):
        asked, told = SCORES, "one grade for each response, in a box"
    elif "[[a]]" in facts.card.lower() and "[[b]]" in facts.card.lower():
        asked, told = PAIR, "its card shows verdicts [[A]] and [[B]]"
    elif named(facts, frozenset(("themis",))) or re.search(r"(?i)rating:\s*\[?\[?\d", facts.card):
        asked, told = RATING, "its card shows a rating of 1 to 5"
    elif re.search(r"(?i)(probability|logits?) of (the )?(token )?[\"'`]?yes\b", facts.card):
        asked, told = YES_NO, "its card reads the probability of the token Yes"
    if asked is None:
        return None
    fields = dict(asked.fields)
    if not has_template(facts):
        fields["format"] = "text"
    return Recognised(asked.family, fields, told)


def language_model(facts: Facts) -> Recognised | None:
    """What is left of language models: base and chat models, and graders whose way of asking nobody tells."""
    if not _is_causal(facts):
        if facts.architecture.endswith(("Model", "ForMaskedLM", "ForConditionalGeneration", "ForQuestionAnswering")):
            stock = not facts.config.get("auto_map")
            return no("not_a_reward_model", f"{facts.architecture} gives no score") if stock else None
        return None
    if facts.config.get("auto_map") and facts.model_type not in DECODERS:
        return None  # remote code
    if not facts.read and calls_itself_reward_model(facts):
        return Recognised(
            "own_head", says="a language model that calls itself a reward model; its weights were not read"
        )
    if calls_itself_reward_model(facts):
        return no(
            "unsupported", "a language model that calls itself a reward model, but nothing known says how it is asked"
        )
    return no("not_a_reward_model", "a language model; nothing says that it grades answers")


RULES: tuple[Callable[[Facts], Recognised | None], ...] = (
    own_head,
    estimator,
    classifier,
    steps,
    value_head,
    log_ratio,
    generative,
    language_model,
)


def spec_of(
    facts: Facts, *, path: str, files: Mapping[str, str], parameters: int, found: Recognised | None = None, **more: Any
) -> ModelSpec:
    """The spec of a fetched model. found: what it is, where no rule recognised it. more: further fields, as of its
    reference model.

    Raises ValueError where its fields do not fit together.
    """
    found = found or recognise(facts)
    if not found.family:
        raise ValueError(found.why)
    fields = dict(found.fields)
    most = facts.config.get("max_position_embeddings")
    if "max_new_tokens" in fields and isinstance(most, int) and most > 0:
        fields["max_new_tokens"] = max(1, min(fields["max_new_tokens"], most // 4))  # the rest is for the question
    return ModelSpec(
        found.family,
        path=path,
        repo=facts.id,
        revision=facts.revision,
        licence=facts.licence,
        files=dict(files),
        parameters=parameters,
        **fields,
        **more,
    )


# -- reading configs ------------------------------------------------------------------------------------------------


def _is_causal(facts: Facts) -> bool:
    return facts.architecture.endswith(("ForCausalLM", "LMHeadModel"))


def _is_metric(facts: Facts) -> bool:
    return named(facts, METRIC_WORDS) and facts.model_type in ENCODERS


def has_template(facts: Facts) -> bool:
    held = facts.tokenizer.get("chat_template")
    return bool(held) or bool({"chat_template.jinja", "chat_template.json"} & facts.names)


def _conversation(facts: Facts) -> dict[str, Json]:
    """How prompt and response become one text: the tokenizer's template, else plain turns."""
    if has_template(facts) or not facts.read:
        return {}
    return {"format": "text", "prompt_format": "Human: {prompt}\n\nAssistant: {response}"}


def _stock(facts: Facts) -> bool:
    """Whether the weights are named as transformers' own class names them, whatever code lies beside."""
    return bool(facts.tensors) and all(t.startswith(("model.", "score.")) for t in facts.tensors)


def label_count(facts: Facts) -> int:
    """How many labels: of the head's tensor if it was read, else of the config (two, where it says nothing)."""
    for name, shape in facts.tensors.items():
        if HEAD_TENSORS.fullmatch(name) and len(shape) == 2 and not name.endswith("dense.weight"):
            return shape[0]
    return facts.labels or 2


def _label_names(facts: Facts) -> list[str]:
    names = facts.config.get("id2label")
    if not isinstance(names, Mapping):
        return []
    return [str(names.get(str(i), "")).strip().lower()[:60] for i in range(min(len(names), 64))]


def _names(facts: Facts) -> str:
    names = _label_names(facts)
    return ", ".join(names[:6]) + (" ..." if len(names) > 6 else "") if names else "unnamed"


def _good_label(facts: Facts, *, default: int) -> int:
    names = _label_names(facts)
    good = [i for i, name in enumerate(names) if name in GOOD]
    bad = [i for i, name in enumerate(names) if name in BAD]
    if len(good) == 1:
        return good[0]
    return 1 - bad[0] if len(bad) == 1 and len(names) == 2 else default


def _rule(facts: Facts, n: int) -> dict[str, Json] | None:
    """How n labels make one number; None where nothing says."""
    names = _label_names(facts)
    if n == 1:
        return {"rule": "only"}
    if n == 2:
        return {"rule": "difference", "positive": _good_label(facts, default=1)}
    for wanted in OVERALL:
        if wanted in names:
            return {"rule": "index", "positive": names.index(wanted)}
    numbers = [re.fullmatch(r"(\d)( stars?)?", name) for name in names]
    if names and all(numbers):
        return {"rule": "expected", "weights": tuple(float(m[1]) for m in numbers if m)}
    return None


def _step_mark(facts: Facts) -> str:
    """A known mark among the tokens that the tokenizer's config lists."""
    listed = facts.tokenizer.get("added_tokens_decoder")
    held = (
        {t.get("content") for t in listed.values() if isinstance(t, Mapping)} if isinstance(listed, Mapping) else set()
    )
    held |= set(strings(facts.tokenizer.get("additional_special_tokens")))
    held |= set(strings(facts.tokenizer.get("extra_special_tokens")))
    return next((m for m in STEP_MARKS if m in held or m in facts.card), "")


def _value_layers(facts: Facts) -> tuple[str, ...]:
    """Prefixes of the layers of a value head, in order; a head ends with one number."""
    found = sorted((t.removesuffix(".weight") for t in facts.tensors if VALUE_HEAD.fullmatch(t)), key=_last)
    if not found or facts.tensors[f"{found[-1]}.weight"][:1] not in ((1,), (2,)):
        return ()
    return tuple(found)


def _body(facts: Facts) -> str:
    """The prefix of the transformer's own tensors."""
    for name in sorted(facts.tensors):
        if match := EMBEDDINGS.fullmatch(name):
            return match[1] or ""
    return "model"


def _missing(facts: Facts, layers: Sequence[str]) -> str:
    if not facts.tensors:
        return ""
    return next((f"{layer}.weight" for layer in layers if f"{layer}.weight" not in facts.tensors), "")


def _last(name: str) -> tuple[int, str]:
    digits = re.findall(r"\d+", name)
    return (int(digits[-1]) if digits else 0), name
