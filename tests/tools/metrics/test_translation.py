"""The default translation metric: what it is worth, and which tricks it sees through."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlar.tools.metrics import Chrf, Translation
from rlar.types import Mark, Query

SOURCE = "Yesterday my older sister bought a small red bicycle at the market in Bremen."
GOLD = "Gestern kaufte meine ältere Schwester auf dem Markt in Bremen ein kleines rotes Fahrrad."
PROMPT = f"Translate the following text from English to German.\n\n{SOURCE}"
QUERY = Query(PROMPT, reference=GOLD)
TOOL = Translation()


def mark(response: str, query: Query = QUERY) -> Mark:
    return TOOL.rate(response, query, TOOL.prepare(query))


def value(response: str, query: Query = QUERY) -> float:
    return mark(response, query).value


def test_better_translations_are_worth_more():
    ladder = [
        GOLD,
        "Gestern hat meine ältere Schwester auf dem Markt in Bremen ein kleines rotes Fahrrad gekauft.",
        "Meine Schwester kaufte gestern ein rotes Fahrrad in Bremen.",
        "Mein Bruder verkaufte ein Auto in Hamburg.",
        "Das weiß ich leider nicht.",
    ]
    values = [value(text) for text in ladder]
    assert values[0] == 1.0
    assert values == sorted(values, reverse=True)
    assert values[1] > 0.6
    assert values[-1] < 0.2


@pytest.mark.parametrize(
    ("trick", "most"),
    [
        ("", 0.0),
        ("   ", 0.0),
        (f"<think>{GOLD}</think>", 0.0),  # only thought, never said
        (f"{GOLD} {GOLD} {GOLD}", 0.4),  # chrF alone gives 0.7
        (SOURCE, 0.05),  # not translated
        (PROMPT, 0.1),
        ("auf dem in ein die der das", 0.3),
        ("Hier, ma grande sœur a acheté un petit vélo rouge sur le marché de Brême pour aller à la mer.", 0.05),
        (GOLD[: len(GOLD) // 3], 0.45),
        (f"{GOLD} " + "Diese Übersetzung ist richtig, vollständig und sehr gut gelungen. " * 3, 0.4),
    ],
)
def test_tricks_pay_little(trick, most):
    assert value(trick) <= most < value("Gestern kaufte meine Schwester in Bremen ein Fahrrad.")


def test_the_right_words_in_any_order_are_no_translation():
    tokens = GOLD.rstrip(".").split()
    random.Random(3).shuffle(tokens)
    salad = mark(" ".join(tokens))
    assert salad.terms["words"] == 1.0
    assert salad.value < 0.6
    assert mark(GOLD).terms["in_order"] == 1.0


def test_names_that_stay_as_they_are_do_not_make_a_copy():
    names = Query(
        "Translate into German: Kofi Annan, Helmut Kohl, New York", reference="Kofi Annan, Helmut Kohl, New York"
    )
    assert value("Kofi Annan, Helmut Kohl, New York", names) == 1.0


def test_close_languages_and_short_texts_are_not_accused():
    danish = Query("Translate to Danish: where is it?", reference="Hvor er den?", extra={"tgt_lang": "da"})
    assert value("Hvor er den?", danish) == 1.0
    assert "language" not in mark("Wo?", QUERY).terms


def test_another_language_is_said_and_costs():
    wrong = mark("Yesterday she went away and nobody knew where she was or whether she would ever come back to us.")
    assert wrong.value < 0.05
    assert wrong.why == "is en, not de"


def test_the_best_of_several_references_counts():
    both = Query(
        PROMPT, reference=GOLD, extra={"references": [GOLD, "Meine Schwester hat sich gestern ein Rad geholt."]}
    )
    assert value("Meine Schwester hat sich gestern ein Rad geholt.", both) == 1.0
    assert value(GOLD, both) == 1.0


def test_chinese_is_compared_by_character():
    query = Query("Translate into Chinese: I like reading books.", reference="我喜欢读书。", extra={"tgt_lang": "zh"})
    assert value("我喜欢读书。", query) == 1.0
    assert value("我喜欢读书", query) > 0.8  # only the full stop is missing
    assert 0.3 < value("我爱读书。", query) < 0.9
    assert value("I like reading books.", query) < 0.1


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60), st.text(min_size=1, max_size=60).filter(str.strip))
def test_values_stay_in_range_and_nothing_beats_the_reference(response, gold):
    query = Query("Translate into French: x", reference=gold)
    prepared = TOOL.prepare(query)
    best = TOOL.rate(query.reference.strip(), query, prepared).value
    got = TOOL.rate(response, query, prepared).value
    assert 0.0 <= got <= 1.0
    assert got <= best + 1e-9 or "<" in gold or not best


def test_repetition_gains_less_than_with_chrf():
    chrf = Chrf()
    thrice = f"{GOLD} {GOLD} {GOLD}"
    assert chrf.rate(thrice, QUERY, chrf.prepare(QUERY)) > 0.65
    assert value(thrice) < 0.4
