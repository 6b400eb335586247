"""What goes over the wire at /v1/score, as checked models; OpenAPI is made from them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema

MAX_ITEMS = 4096
MAX_RESPONSES = 1024
MAX_TEXT = 4_000_000


def _text(value: Any) -> str:
    """Any text, lone surrogates too: a policy may say them, and must not get away unjudged."""
    if not isinstance(value, str):
        raise ValueError("should be a text")
    if len(value) > MAX_TEXT:
        raise ValueError(f"should have at most {MAX_TEXT} characters")
    return value


Text = Annotated[str, PlainValidator(_text), WithJsonSchema({"type": "string", "maxLength": MAX_TEXT})]


class Item(BaseModel):
    """A query with responses to it. `query`: a prompt, messages, or a row in any shape that `rlar score` reads."""

    model_config = ConfigDict(extra="forbid")

    id: str | int | None = Field(None, description="handed back unchanged")
    query: Text | list[dict[str, Any]] | dict[str, Any]
    responses: list[Text] = Field(max_length=MAX_RESPONSES)
    complete: bool = Field(True, description="whether these are all responses to the query in this step")
    expected: int | None = Field(None, ge=1, le=100_000, description="size of the whole group, where these are not all")
    meet: str = Field("", max_length=1000, description="run and step: what tells this group from another of the query")


class ScoreRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    items: list[Item] = Field(max_length=MAX_ITEMS)
    detail: Literal["values", "parts", "reasons"] = Field(
        "parts", description="values: numbers and statuses; parts: also values by tool; reasons: also why"
    )


class ScoredItem(BaseModel):
    """One item's rewards, in the order of its responses. rewards: null where status is not "ok"."""

    id: str | int | None
    rewards: list[float | None]
    status: list[Literal["ok", "gap", "fault", "timeout", "incomplete"]]
    task: str
    tools: list[str]
    parts: list[dict[str, float]] | None = None
    why: list[str] | None = None
    cost: dict[str, float] = Field(description="cpu_s, tokens, usd and calls of this item")


class ScoreReply(BaseModel):
    items: list[ScoredItem]


class Problem(BaseModel):
    detail: str


class OpenRlhfRequest(BaseModel):
    """What OpenRLHF posts: one element in 0.11, many before 0.10, none at all to further servers."""

    query: list[Text] = Field(default_factory=list, max_length=MAX_ITEMS)
    prompts: list[Text] = Field(default_factory=list, max_length=MAX_ITEMS)
    labels: list[Any] = Field(default_factory=list, max_length=MAX_ITEMS)


class OpenRlhfReply(BaseModel):
    rewards: list[float]
    scores: list[float]
    extra_logs: dict[str, list[float]]


class SlimeRequest(BaseModel):
    prompt: Text | list[dict[str, Any]] = ""
    response: Text = ""
    label: Any = None


class SlimeReply(BaseModel):
    """Use `--reward-key score`."""

    score: float
    rlar_valid: float
    rlar_latency_ms: float
    rlar_usd: float
    rlar_tool: str


class ClassifyRequest(BaseModel):
    """What vLLM's classifier endpoint takes: prompt and response in one text, or several."""

    model: str = "rlar"
    input: Text | Annotated[list[Text], Field(max_length=MAX_ITEMS)]
    label: Any = Field(None, description="reference or stamp; without it only tools that need none can judge")


class ClassifiedText(BaseModel):
    index: int
    label: str
    probs: list[float]
    num_classes: int


class ClassifyReply(BaseModel):
    id: str
    object: str
    model: str
    data: list[ClassifiedText]


class RunCodeRequest(BaseModel):
    """SandboxFusion's /run_code. Only Python; files and outputs are not supported."""

    code: Text
    language: str = "python"
    stdin: Text | None = None
    compile_timeout: float = Field(10.0, gt=0, le=600)
    run_timeout: float = Field(10.0, gt=0, le=600)
    memory_limit_MB: int = Field(512, le=65536)  # theirs


class CommandResult(BaseModel):
    status: Literal["Finished", "Error", "TimeLimitExceeded"]
    execution_time: float
    return_code: int | None
    stdout: str
    stderr: str


class RunCodeReply(BaseModel):
    status: Literal["Success", "Failed", "SandboxError"]
    message: str
    compile_result: CommandResult | None
    run_result: CommandResult | None
    files: dict[str, str]
