"""A library with every kind of trouble, and a model small enough to train in a second."""

from __future__ import annotations

import inspect
import json
import pickle
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

TOOLS = dedent('''
    """Tools for tests: a plain one, a broken one, a slow one, and one that compares the responses of a group."""
    import asyncio
    import rlar
    from rlar.errors import ToolFault
    from rlar.types import Cost, Fault, Kind, Scope, ToolCard, Verdict

    @rlar.tool(suits="dialogue", about="share of the response that is a")
    def likes_a(response, query):
        return response.count("a") / max(1, len(response))

    @rlar.tool(about="breaks always")
    def breaks(response, query):
        raise ToolFault(Fault.UNAVAILABLE, "the service is down")

    @rlar.tool(about="breaks for some")
    def breaks_for_b(response, query):
        if "b" in response:
            raise ToolFault(Fault.UNAVAILABLE, "no answer")
        return 0.75

    class Sleeps:
        card = ToolCard("sleeps", "1", Kind.JUDGE, engine="inline")
        def fits(self, query):
            return True
        async def judge(self, query, responses_G):
            await asyncio.sleep(300)
            return [Verdict(self.card.ref, value=1.0) for _ in responses_G]

    class Ranks:
        """1.0 for the longest response of a group, 0.0 for the shortest."""
        card = ToolCard("ranks", "1", Kind.JUDGE, scope=Scope.GROUP, engine="inline")
        calls = 0
        def fits(self, query):
            return True
        async def judge(self, query, responses_G):
            Ranks.calls += 1
            lengths = sorted({len(r) for r in responses_G})
            top = max(1, len(lengths) - 1)
            return [Verdict(self.card.ref, value=lengths.index(len(r)) / top, cost=Cost(usd=0.01)) for r in responses_G]

    sleeps, ranks = Sleeps(), Ranks()
''')
ROUTE = {name: name for name in ("likes_a", "breaks", "breaks_for_b", "sleeps", "ranks")} | {"gap": "math"}


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("library")
    (folder / "own.py").write_text(TOOLS, "utf-8")
    return folder


@pytest.fixture(scope="session")
def settings(library: Path) -> dict[str, Any]:
    """Settings under which `source` names the tool."""
    return {"library": str(library), "route": ROUTE}


@pytest.fixture(scope="session")
def tiny() -> Any:
    """(fresh Llama of some thousand parameters, tokenizer with a chat template); nothing is downloaded."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    torch.set_num_threads(1)  # spinning OpenMP threads are six times slower on shared cores
    words = Tokenizer(models.BPE(unk_token="<unk>"))
    words.pre_tokenizer, words.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=["<unk>", "<pad>", "<eos>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    words.train_from_iterator(["what is one plus two? the answer is 3", "say something nice, please"], trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words,
        unk_token="<unk>",
        pad_token="<pad>",
        eos_token="<eos>",
        padding_side="left",
        model_input_names=["input_ids", "attention_mask"],
    )
    tokenizer.chat_template = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant: "
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=128, eos_token_id=2, pad_token_id=1, bos_token_id=None,
    )  # fmt: skip
    torch.manual_seed(0)
    return LlamaForCausalLM(config), tokenizer


@dataclass(frozen=True)
class Scene:
    """One row of a trainer, and what has to become of it. value: None where there is no reward."""

    name: str
    source: str
    prompt: str
    response: str
    reference: str | None
    status: str
    value: float | None

    @property
    def chat(self) -> list[dict[str, str]]:
        return [{"role": "system", "content": "Be brief."}, {"role": "user", "content": self.prompt}]

    @property
    def foreign(self) -> dict[str, Any]:
        """Columns of the user's own, which no tool asked for."""
        return {"level": {"a": [1, None], "b": self.name}, "weights": [0.5, 2.0], "note": "\u00e9\u4e2d"}

    @property
    def patience(self) -> float:
        """Deadline for this scene in seconds: generous, because workers start cold; short where nobody answers."""
        return 0.4 if self.name == "slow" else 200.0


HOSTILE = "\x00" + "[" * 3000 + "\\boxed{" * 300 + "</s><|im_end|>" + "9" * 2000
SCENES = (
    Scene("right", "", "1 + 2?", "it is 3", "3", "ok", 1.0),
    Scene("wrong", "", "1 + 2?", "it is 4", "3", "ok", 0.0),
    Scene("rule of one's own", "likes_a", "say a", "aab", None, "ok", 2 / 3),
    Scene("fault", "breaks", "is it up?", "x", None, "fault", None),
    Scene("gap", "gap", "how are you?", "hm", None, "gap", None),
    Scene("slow", "sleeps", "take your time", "x", None, "timeout", None),
    Scene("hostile", "", "1 + 2?", HOSTILE, "3", "ok", 0.0),
    Scene("silent", "", "1 + 2?", "", "3", "ok", 0.0),
)
WEATHER = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}
CALL = {"name": "weather", "arguments": {"city": "Bern"}}
TOOL_ROW = {"tools": [WEATHER], "tool_calls": [CALL]}


ELSEWHERE = """
import importlib.util, pickle, sys
file, name, box = sys.argv[1:]
spec = importlib.util.spec_from_file_location("elsewhere", file)
sys.modules["elsewhere"] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
with open(box, "rb") as f:
    arguments = pickle.load(f)
with open(box + ".out", "wb") as f:
    pickle.dump(getattr(module, name)(*arguments), f)
"""


def spawned(function: Any, *arguments: Any, timeout_s: float = 280.0) -> Any:
    """What a function of a test module returns in a fresh interpreter; arguments and result travel pickled.

    The module is found by its file: packages of trainers bring a `tests` of their own, which hides ours.
    """
    file = inspect.getsourcefile(function)
    with tempfile.TemporaryDirectory() as folder:
        box = Path(folder, "box")
        box.write_bytes(pickle.dumps(arguments))
        command = [sys.executable, "-c", ELSEWHERE, str(file), function.__name__, str(box)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        return pickle.loads(Path(f"{box}.out").read_bytes())


@pytest.fixture
def scenes() -> tuple[Scene, ...]:
    return SCENES


@pytest.fixture
def tool_row() -> dict[str, Any]:
    """Columns of a row about calling functions; the right call is weather(city="Bern")."""
    return json.loads(json.dumps(TOOL_ROW))


@pytest.fixture
def spawn() -> Any:
    return spawned


@pytest.fixture
def configure(settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Writes RLAR_CONFIG, from which adapters without arguments read their settings."""

    def write(**more: Any) -> str:
        file = tmp_path / f"rlar{len(list(tmp_path.iterdir()))}.json"
        file.write_text(json.dumps({**settings, "deadline_s": 200.0, **more}))
        monkeypatch.setenv("RLAR_CONFIG", str(file))
        return str(file)

    return write
