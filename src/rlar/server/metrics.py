"""/metrics in Prometheus' format: requests, the queue, and the ledger of what rewards cost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from rlar.library.spent import spent_on

if TYPE_CHECKING:
    from rlar.adapters.scorer import Scorer
    from rlar.server.batching import Batcher

ROUTES = frozenset(
    ("/", "/v1/score", "/openrlhf", "/get_reward", "/slime", "/verify", "/classify", "/run_code", "/metrics")
)


class Metrics:
    """One registry per app, so that two apps in one process do not mix."""

    def __init__(self, scorer: Scorer, batcher: Batcher) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self._requests = Counter(
            "rlar_requests", "Requests by route and code", ["route", "code"], registry=self.registry
        )
        self._seconds = Histogram(
            "rlar_request_seconds", "Wall seconds of a request", ["route"], registry=self.registry
        )
        self.registry.register(_Ledger(scorer, batcher))

    def request(self, path: str, code: int, seconds: float) -> None:
        """path: any; those that are no route of ours count together, so that a scanner cannot fill the memory."""
        route = path if path in ROUTES else "other"
        self._requests.labels(route, str(code)).inc()
        self._seconds.labels(route).observe(seconds)

    def page(self) -> bytes:
        text: bytes = generate_latest(self.registry)
        return text


class _Ledger:
    def __init__(self, scorer: Scorer, batcher: Batcher) -> None:
        self._scorer = scorer
        self._batcher = batcher

    def collect(self) -> Iterator[Any]:
        known = self._scorer.ledger.snapshot()
        yield _labelled("rlar_responses", "Responses by what became of them", "status", known["statuses"])
        yield CounterMetricFamily("rlar_replaced", "Missing rewards that a trainer got a number for", known["replaced"])
        yield CounterMetricFamily("rlar_groups", "Groups of two or more responses", known["groups"])
        flat = known["groups_without_information"]
        yield CounterMetricFamily("rlar_groups_without_information", "Groups whose rewards are all equal", flat)
        yield CounterMetricFamily("rlar_wall_seconds", "Wall seconds of calls that judged", known["wall_s"])
        yield CounterMetricFamily("rlar_tool_cpu_seconds", "CPU seconds of tools", known["cpu_s"])
        yield CounterMetricFamily("rlar_llm_calls", "Calls of language models", known["llm_calls"])
        yield CounterMetricFamily("rlar_tokens", "Tokens of language models", known["tokens"])
        yield CounterMetricFamily("rlar_usd", "Money for language models", known["usd"])
        tools = known["tools"]
        yield _labelled(
            "rlar_tool_responses", "Responses by tool", "tool", {ref: row["responses"] for ref, row in tools.items()}
        )
        yield _labelled("rlar_cache", "Judgements at hand or not", "outcome", self._scorer.cache_counts())
        acquired = spent_on(self._scorer.settings.library).as_json()
        family = GaugeMetricFamily("rlar_acquiring", "What acquiring the library's tools has cost", labels=["of"])
        for name, value in acquired.items():
            family.add_metric([name], value)
        yield family
        means = {label: row["mean_reward"] for label, row in known["tasks"].items() if row["mean_reward"] is not None}
        gauge = GaugeMetricFamily("rlar_task_reward_mean", "Mean of valid rewards since the start", labels=["task"])
        for label, mean in means.items():
            gauge.add_metric([label], mean)
        yield gauge
        yield GaugeMetricFamily("rlar_queue_responses", "Responses waiting or being judged", self._batcher.load)
        yield CounterMetricFamily("rlar_batches", "Batches judged", self._batcher.batches)


def _labelled(name: str, about: str, label: str, counts: dict[str, Any]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, about, labels=[label])
    for value, count in counts.items():
        family.add_metric([value], count)
    return family
