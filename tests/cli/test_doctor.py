"""The report on a machine, as it is read in a terminal."""

from __future__ import annotations

import pytest

from rlar.cli import doctor
from rlar.cli.doctor import Finding


@pytest.fixture
def report(monkeypatch, capsys):
    def make(*findings: Finding) -> tuple[int, str]:
        monkeypatch.setattr(doctor, "findings", lambda: iter(findings))
        return doctor.doctor(), capsys.readouterr().out

    return make


def test_advice_can_be_pasted(report):
    code, text = report(Finding("extra: hub", "off", "for models", 'pip install "rlar[hub]"'))
    assert code == 0
    assert 'pip install "rlar[hub]"' in text  # brackets are no markup


def test_what_is_bad_decides_the_exit_code(report):
    assert report(Finding("a", "ok", "fine"), Finding("b", "bad", "broken: [/dim]"))[0] == 1
    assert report(Finding("a", "off", "not here"))[0] == 0


def test_an_extra_that_is_absent_is_named_with_what_installs_it(monkeypatch):
    monkeypatch.setattr(doctor, "EXTRAS", {"moon": (("no_such_module_here",), "flying")})
    (finding,) = doctor._extras()
    assert (finding.state, finding.advice) == ("off", 'pip install "rlar[moon]"')


def test_a_password_in_the_endpoint_is_not_shown(monkeypatch):
    monkeypatch.setenv("RLAR_LLM_URL", "http://me:hunter2@localhost:8000/v1")
    says = doctor._llm().says
    assert "localhost:8000/v1" in says
    assert "hunter2" not in says
