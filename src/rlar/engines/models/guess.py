"""A spec from what lies in a folder, where config and tokenizer leave no doubt. Who knows more (a card) says more."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from rlar.engines.models.files import weights_of
from rlar.engines.models.spec import OWN_HEADS, ModelSpec
from rlar.errors import InputError

ENCODERS = ("bert", "roberta", "deberta", "electra", "albert", "xlm", "modernbert", "mpnet", "distilbert", "camembert")


def spec_of(folder: str | Path, **known: Any) -> ModelSpec:
    """The spec of a local folder. known: fields of ModelSpec that you know better; `family` settles most of it.

    Raises InputError that says what could not be told.
    """
    path = Path(folder).resolve()
    config = _json(path / "config.json")
    if config is None:
        raise InputError(f"{path}: has no config.json that can be read; give a folder of a transformers model")
    architecture = str(next(iter(config.get("architectures") or []), ""))
    fields: dict[str, Any] = {}
    if "family" not in known:
        fields = _by_architecture(architecture, config, _has_template(path))
        if not fields:
            raise InputError(
                f"{path}: how to ask {architecture or 'this model'} cannot be told from its config; name its family: "
                f'reward_model(path, family="label_token", tokens=("Yes", "No"), prompt_format=...)'
            )
    try:
        spec = ModelSpec(**{**fields, **known, "path": str(path)})
    except (TypeError, ValueError) as e:
        raise InputError(f"{path}: {e}") from e
    return spec if spec.parameters else replace(spec, parameters=weights_of(path).parameters)


def _by_architecture(architecture: str, config: dict[str, Any], template: bool) -> dict[str, Any]:
    if architecture in OWN_HEADS:
        fields = dict(OWN_HEADS[architecture])
        if (quantiles := config.get("num_quantiles")) and fields["head"].kind == "gated":
            fields["head"] = replace(fields["head"], quantiles=int(quantiles))
        if (degree := config.get("gating_temperature")) and fields["head"].kind == "gated":
            fields["head"] = replace(fields["head"], temperature=float(degree))
        return fields
    if not architecture.endswith("ForSequenceClassification"):
        return {}
    names = config.get("id2label")
    labels = len(names) if isinstance(names, dict) else int(config.get("num_labels") or 1)
    if labels > 2:
        return {}  # which of them counts, nobody but the card knows
    rule = "only" if labels == 1 else "difference"
    encoder = any(kind in str(config.get("model_type")) for kind in ENCODERS)
    if encoder and not template:
        return {"family": "cross_encoder", "format": "pair", "rule": rule}
    return {"family": "classifier", "rule": rule} if template else {}


def _has_template(path: Path) -> bool:
    settings = _json(path / "tokenizer_config.json") or {}
    return bool(settings.get("chat_template")) or (path / "chat_template.jinja").is_file()


def _json(path: Path) -> dict[str, Any] | None:
    try:
        body = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None
