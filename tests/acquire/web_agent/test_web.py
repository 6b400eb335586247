"""Web search names repositories, and nothing else of it counts. The engine itself cannot be reached from tests."""

from __future__ import annotations

import pytest
from stocking import reward_model

from rlar.acquire.web_agent.hub import Hub
from rlar.acquire.web_agent.searching import search
from rlar.acquire.web_agent.wanted import Wanted
from rlar.acquire.web_agent.web import repositories
from rlar.testing.hub import LocalHub

pytest.importorskip("huggingface_hub")


class Scripted:
    name = "scripted"

    def __init__(self, *says):
        self.says = says
        self.asked = []

    def addresses(self, words, most):
        self.asked.append(words)
        if isinstance(self.says[0], Exception):
            raise self.says[0]
        return self.says


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://huggingface.co/acme/model-rm", "acme/model-rm"),
        ("https://www.huggingface.co/acme/model-rm/tree/main?x=1#files", "acme/model-rm"),
        ("https://huggingface.co/datasets/acme/data", None),
        ("https://huggingface.co/docs/trl", None),
        ("https://huggingface.co.evil.example/acme/model", None),
        ("https://evil.example/?u=https://huggingface.co/acme/model", None),
        ("ftp://huggingface.co/acme/model", None),
        ("https://huggingface.co/acme/..", None),
        ("https://[broken", None),
        ("", None),
    ],
)
def test_only_addresses_of_models_are_names(address, name):
    assert repositories([address, address]) == ([name] if name else [])


def test_what_the_web_names_goes_the_same_way_as_what_the_hub_lists():
    with LocalHub() as server:
        server.add("acme/reward-listed", reward_model())
        server.add("quiet/scorer", reward_model(tags=[]))  # no search of the Hub finds this name
        server.add("quiet/nc", reward_model(license="cc-by-nc-4.0", tags=[]))
        hub = Hub(server.endpoint, deadline_s=10)
        web = Scripted(
            "https://huggingface.co/quiet/scorer", "https://huggingface.co/quiet/nc", "https://huggingface.co/gone/gone"
        )
        alone = search(hub, Wanted("helpful"))
        both = search(hub, Wanted("helpful"), web=web)
        assert web.asked == ["helpful reward model site:huggingface.co"]
        assert {r.facts.id for r in both.taken} - {r.facts.id for r in alone.taken} == {"quiet/scorer"}
        assert [r.rejections[0].filter for r in both.ranked if r.facts.id == "quiet/nc"] == ["licence"]
        assert "no such repository" in both.notes[0]
        failed = search(hub, Wanted("helpful"), web=Scripted(ValueError("captcha")))
        assert failed.ranked == alone.ranked and "captcha" in failed.notes[0]
