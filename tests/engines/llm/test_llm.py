import asyncio
import math

import pytest

from rlar.engines.llm import (
    Ask,
    Budget,
    BudgetedChat,
    BudgetSpent,
    CachedChat,
    ChatRefused,
    ChatUnavailable,
    ChatUnreadable,
    Ledger,
    OpenAIChat,
    Prices,
    Reply,
    connect,
    read_json,
)
from rlar.errors import InputError
from rlar.testing import FakeChat, ReplayChat, ScriptedEndpoint
from rlar.types import Message

pytest.importorskip("openai")

SCHEMA = {
    "type": "object",
    "properties": {"score": {"type": "number"}},
    "required": ["score"],
    "additionalProperties": False,
}


def question(text="How good?", **more):
    return Ask((Message("user", text),), **more)


def ask(chat, *asks):
    async def all_of_them():
        return await asyncio.gather(*(chat.ask(a) for a in asks), return_exceptions=True)

    return asyncio.run(all_of_them())


def endpoint_chat(server, **settings):
    return OpenAIChat(server.url, "m", key="sesame", **{"retries": 0, "timeout_s": 5, **settings})


def test_a_reply_comes_back_with_its_usage_and_price():
    with ScriptedEndpoint(lambda body: "fine") as server:
        chat = endpoint_chat(server, prices=Prices(usd_in=1.0, usd_out=2.0))
        (reply,) = ask(chat, question())
    assert (reply.text, reply.model, reply.cached) == ("fine", "m", False)
    assert reply.usd == pytest.approx((reply.tokens_in * 1.0 + reply.tokens_out * 2.0) / 1e6) and reply.tokens_in > 0


@pytest.mark.parametrize(
    ("said", "error", "says"),
    [
        ({"status": 500, "text": "boom"}, ChatUnavailable, "500"),
        ({"status": 401, "text": "who are you"}, ChatUnavailable, "401"),
        ({"status": 400, "text": "too long"}, ChatRefused, "too long"),
        ({"hang_up": True}, ChatUnavailable, "cannot be reached"),
        ({"raw": "<html>proxy</html>"}, ChatUnavailable, ""),
        ({"raw": "{}"}, ChatUnreadable, "no message"),
        ({"raw": '{"choices": []}'}, ChatUnreadable, "no message"),
        ({"text": "", "finish": "content_filter"}, ChatRefused, "content_filter"),
        ({"text": "", "refusal": "I won't"}, ChatRefused, "I won't"),
        ({"delay_s": 1.5, "text": "late"}, ChatUnavailable, "cannot be reached"),
    ],
)
def test_every_way_an_endpoint_can_fail_is_named_and_is_no_reply(said, error, says):
    with ScriptedEndpoint(lambda body: said) as server:
        (got,) = ask(endpoint_chat(server, timeout_s=0.5), question())
    assert isinstance(got, error), got
    assert says in str(got)
    assert "sesame" not in str(got) + repr(endpoint_chat(server))


def test_an_overloaded_endpoint_is_asked_again_after_its_own_delay():
    answers = iter([{"status": 429, "text": "busy", "headers": {"Retry-After": "0.05"}}, "now"])
    with ScriptedEndpoint(lambda body: next(answers)) as server:
        (reply,) = ask(endpoint_chat(server, retries=2), question())
        assert reply.text == "now" and len(server.requests) == 2


def test_an_endpoint_without_json_schema_is_asked_for_an_object_and_remembered():
    def script(body):
        form = body.get("response_format", {}).get("type", "text")
        return {"status": 400, "text": "response_format not supported"} if form == "json_schema" else '{"score": 1}'

    with ScriptedEndpoint(script) as server:
        chat = endpoint_chat(server)
        ask(chat, question(schema=SCHEMA))
        (reply,) = ask(chat, question("again", schema=SCHEMA))
        forms = [r["response_format"]["type"] for r in server.requests]
    assert read_json(reply, SCHEMA) == {"score": 1}
    assert forms == ["json_schema", "json_object", "json_object"]


def test_nothing_listening_is_unavailable():
    (got,) = ask(OpenAIChat("http://127.0.0.1:9/v1", "m", retries=0, timeout_s=1), question())
    assert isinstance(got, ChatUnavailable)


def test_the_environment_names_an_endpoint(monkeypatch):
    for name in ("RLAR_LLM_URL", "OPENAI_BASE_URL", "RLAR_LLM_MODEL"):
        monkeypatch.delenv(name, raising=False)
    assert connect() is None
    monkeypatch.setenv("RLAR_LLM_URL", "http://127.0.0.1:9/v1")
    with pytest.raises(InputError, match="--model"):
        connect()
    assert connect(model="m").model == "m"
    with pytest.raises(InputError, match="URL"):
        OpenAIChat("localhost:8000", "m")


def test_a_question_is_asked_once_also_at_the_same_time_and_after_a_restart(tmp_path):
    fake, ledger = FakeChat(lambda a: f"re: {a.messages[0].content}"), Ledger()
    cached = CachedChat(fake, tmp_path / "replies.sqlite", ledger=ledger)
    first, second = ask(cached, question(), question())
    assert (first.text, second.text, len(fake.asked)) == ("re: How good?", "re: How good?", 1)
    cached.close()
    again = CachedChat(FakeChat([]), tmp_path / "replies.sqlite", ledger=ledger)
    assert ask(again, question())[0].cached
    assert isinstance(ask(again, question(sample=1))[0], ChatUnavailable)  # another sample is another question
    again.close()
    assert ask(ReplayChat(tmp_path / "replies.sqlite", "fake"), question())[0].text == "re: How good?"
    assert ledger.saved == 2


def test_failures_are_not_kept():
    fake = FakeChat([ChatUnavailable("down"), "up"])
    cached = CachedChat(fake)
    assert isinstance(ask(cached, question())[0], ChatUnavailable)
    assert ask(cached, question())[0].text == "up"


@pytest.mark.parametrize("budget", [Budget(calls=3), Budget(tokens=3 * 40), Budget(usd=3 * 40e-6)])
def test_a_budget_is_never_passed_also_with_many_calls_in_flight(budget):
    fake = FakeChat(lambda a: "x" * 80, prices=Prices(1.0, 1.0))
    chat = BudgetedChat(fake, budget)
    got = ask(chat, *(question(str(i), max_tokens=20) for i in range(10)))
    spent = chat.ledger.total
    assert any(isinstance(g, BudgetSpent) for g in got) and any(isinstance(g, Reply) for g in got)
    assert spent.calls == len(fake.asked) <= (budget.calls or math.inf)
    assert spent.tokens <= (budget.tokens or math.inf) and spent.usd <= (budget.usd or math.inf)


def test_what_a_failed_call_held_is_given_back():
    chat = BudgetedChat(FakeChat([ChatUnavailable("down"), "up"]), Budget(calls=1))
    assert isinstance(ask(chat, question())[0], ChatUnavailable)
    assert ask(chat, question())[0].text == "up"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"score": 1}', {"score": 1}),
        ('Sure!\n```json\n{"score": 0.5}\n```', {"score": 0.5}),
        ('I would say {"score": 2} overall', {"score": 2}),
        (
            '```json\n{"score": 1}\n```\nOn reflection:\n```json\n{"score": 0}\n```',
            {"score": 0},
        ),  # the last word counts
        ('{"score": NaN}', None),
        ('{"score": 1, "score": 0}', None),
        ('{"score": "1"}', None),
        ('{"points": 1}', None),
        ('{"score": 1', None),
        ("yes", None),
        ("", None),
        ("[" * 100_000, None),
    ],
)
def test_structured_replies_are_read_strictly(text, value):
    if value is None:
        with pytest.raises(ChatUnreadable):
            read_json(Reply(text, "m"), SCHEMA)
    else:
        assert read_json(Reply(text, "m"), SCHEMA) == value


def test_a_cut_off_reply_is_not_guessed_at():
    with pytest.raises(ChatUnreadable, match="cut off"):
        read_json(Reply('{"score": 1}', "m", finish="length"), SCHEMA)


def test_who_gives_up_waiting_harms_neither_the_asker_nor_the_others():
    async def scene(cancelled):
        gate = asyncio.Event()

        class Slow:
            model, asked = "slow", 0

            async def ask(self, ask):
                self.asked += 1
                await gate.wait()
                return Reply("fine", "slow")

        slow = Slow()
        cached = CachedChat(slow)
        tasks = [asyncio.create_task(cached.ask(question())) for _ in range(3)]
        await asyncio.sleep(0.01)
        tasks[cancelled].cancel()
        await asyncio.sleep(0.01)
        gate.set()
        got = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(got.pop(cancelled), asyncio.CancelledError)
        return [g.text for g in got], slow.asked

    assert asyncio.run(scene(1)) == (["fine", "fine"], 1)  # one that waited gave up
    assert asyncio.run(scene(0)) == (["fine", "fine"], 2)  # the one that asked gave up; another asks instead


def test_an_endpoint_that_counts_no_tokens_cannot_pass_a_budget_of_tokens():
    class Silent:
        model, asked = "silent", 0

        async def ask(self, ask):
            self.asked += 1
            return Reply("x" * 90, "silent")

    silent = Silent()
    chat = BudgetedChat(silent, Budget(tokens=300))
    got = [ask(chat, question(str(i), max_tokens=30))[0] for i in range(20)]
    assert 0 < silent.asked < 10 and isinstance(got[-1], BudgetSpent)


def test_a_refused_question_is_paid_for():
    chat = BudgetedChat(FakeChat([ChatRefused("no"), ChatRefused("no"), "fine"]), Budget(calls=2))
    kinds = [type(ask(chat, question(str(i)))[0]) for i in range(3)]
    assert kinds == [ChatRefused, ChatRefused, BudgetSpent]


def test_an_endpoint_that_died_is_left_alone_for_a_while(monkeypatch):
    monkeypatch.setattr("rlar.engines.llm.endpoint.PAUSE_S", 0.3)
    answers = iter([{"status": 500}] * 8)

    async def run(chat):
        got = []
        for k in range(12):
            got += await asyncio.gather(chat.ask(question(str(k))), return_exceptions=True)
        await asyncio.sleep(0.4)
        return [*got, await chat.ask(question("later"))]

    with ScriptedEndpoint(lambda body: next(answers, "up again")) as server:
        got = asyncio.run(run(endpoint_chat(server)))
        assert len(server.requests) == 9 and got[-1].text == "up again"
    assert all(isinstance(g, ChatUnavailable) for g in got[:-1]) and "left alone" in str(got[10])


def test_an_endpoint_is_asked_which_models_it_has():
    with pytest.raises(ChatUnavailable, match="nothing answers"):
        asyncio.run(OpenAIChat("http://127.0.0.1:9/v1", "m").models())
    with ScriptedEndpoint(lambda body: "fine", models=["small", "large"]) as server:
        assert asyncio.run(endpoint_chat(server).models()) == ["small", "large"]
    with ScriptedEndpoint(lambda body: "fine") as server:
        assert asyncio.run(endpoint_chat(server).models()) is None
    with (
        ScriptedEndpoint(lambda body: "fine", models=["m"], key="another") as server,
        pytest.raises(ChatUnavailable, match="RLAR_LLM_KEY"),
    ):
        asyncio.run(endpoint_chat(server).models())
