"""open-instruct: rows with `dataset: rlar` and the stamp in `ground_truth`. Import this before the trainer builds
its verifiers (it finds the direct subclasses of VerifierFunction): `RLARVerifier` is made on first access."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rlar.adapters.policy import OnFailure
from rlar.adapters.rollout import Judged, columns_of_label, environment_settings, judge
from rlar.adapters.scorer import log, run_sync
from rlar.adapters.settings import Settings

if TYPE_CHECKING:
    RLARVerifier: Any

DEADLINE_S = 280.0


async def score(settings: Settings, prediction: str, label: Any, query: Any) -> Judged | None:
    """One response's reward; None if even reading the row failed. Verifiers see one response, so no group is whole."""
    try:
        judged = await judge(
            settings,
            query or "",
            columns_of_label(label),
            [prediction],
            complete=settings.group_size == 1,
            default=OnFailure.FLOOR,
            deadline_s=DEADLINE_S,
        )
    except Exception:
        log.exception("no reward for a response")
        return None
    return judged[0]


def make_verifier() -> Any:
    """The class for this installation of open-instruct. Raises ImportError without it."""
    from open_instruct.ground_truth_utils import VerificationResult, VerifierFunction

    def result(judged: Judged | None, settings: Settings) -> Any:
        if judged is None:
            return VerificationResult(score=settings.floor, cost=0.0, reasoning="rlar: no reward")
        why = f"{judged.scored.status}: {judged.scored.why}"
        return VerificationResult(score=judged.value, cost=judged.scored.cost.usd, reasoning=why)

    class RLARVerifier(VerifierFunction):  # type: ignore[misc]
        """Verifier `rlar`: settings from the environment variable RLAR_CONFIG."""

        def __init__(self, verifier_config: Any = None) -> None:
            super().__init__("rlar", weight=1.0, verifier_config=verifier_config)
            self.settings = environment_settings()

        async def async_call(
            self, tokenized_prediction: Any, prediction: str, label: Any, query: Any = None, rollout_state: Any = None
        ) -> Any:
            return result(await score(self.settings, prediction, label, query), self.settings)

        def __call__(
            self, tokenized_prediction: Any, prediction: str, label: Any, query: Any = None, rollout_state: Any = None
        ) -> Any:
            return result(run_sync(score(self.settings, prediction, label, query)), self.settings)

    RLARVerifier.__module__, RLARVerifier.__qualname__ = __name__, "RLARVerifier"
    return RLARVerifier


def __getattr__(name: str) -> Any:
    if name == "RLARVerifier":
        made = globals()["RLARVerifier"] = make_verifier()
        return made
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
