"""NeMo Gym: the server's `POST /verify` takes what a resources server takes, and gives it back with `reward`."""

from __future__ import annotations

from collections.abc import Mapping

from rlar.adapters.policy import OnFailure
from rlar.adapters.rollout import Judged, judge
from rlar.adapters.rows import response_of
from rlar.adapters.scorer import Scoring
from rlar.adapters.settings import Settings
from rlar.rollouts.messages import render_tool_call
from rlar.types import Json

DEADLINE_S = 280.0
_ENVELOPE = ("responses_create_params", "response")


async def verify(
    settings: Settings, body: Mapping[str, Json], scorer: Scoring | None = None, deadline_s: float = DEADLINE_S
) -> dict[str, Json]:
    """The body with `reward` (finite), `reward_components` and what rlar knows. body: responses_create_params, response
    (an OpenAI Responses object), and the row's own fields."""
    asked = body.get("responses_create_params")
    prompt = asked.get("input", "") if isinstance(asked, Mapping) else ""
    columns = {name: value for name, value in body.items() if name not in _ENVELOPE}
    if isinstance(asked, Mapping) and asked.get("tools"):
        columns.setdefault("tools", asked["tools"])
    judged: Judged = (
        await judge(
            settings,
            _turns(prompt),
            columns,
            [output_text(body.get("response"))],
            complete=settings.group_size == 1,
            default=OnFailure.FLOOR,
            deadline_s=deadline_s,
            scorer=scorer,
        )
    )[0]
    components = {name: judged.scored.parts.get(name, 0.0) for name in settings.parts} or {"rlar": judged.value}
    return {**body, "reward": judged.value, "reward_components": components, **judged.extras()}


def output_text(response: Json) -> str:
    """What the policy said in an OpenAI Responses object: its messages and function calls, in order."""
    if not isinstance(response, Mapping) or not isinstance(response.get("output"), list):
        return response_of(response)
    said: list[str] = []
    for item in response["output"]:
        if not isinstance(item, Mapping):
            continue
        if item.get("type") == "function_call":
            said.append(render_tool_call(item))
        elif item.get("type", "message") == "message" and item.get("role", "assistant") == "assistant":
            content = item.get("content")
            said.append(response_of({"role": "assistant", "content": content}) if content is not None else "")
    return "\n\n".join(text for text in said if text)


def _turns(prompt: Json) -> Json:
    """Input items without a role (calls, reasoning) are no turns of a conversation."""
    if isinstance(prompt, list):
        return [turn for turn in prompt if isinstance(turn, Mapping) and "role" in turn] or ""
    return prompt
