"""BLEU, chrF, TER and ROUGE bear the names of sacrebleu's and rouge-score's: so they give their values."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU, CHRF, TER
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a
from sacrebleu.tokenizers.tokenizer_zh import TokenizerZh

from rlar.tools.metrics import Bleu, Chrf, Rouge, Ter
from rlar.tools.metrics.reference_metric import ReferenceMetric
from rlar.tools.tokens import bleu_words
from rlar.types import Query

PAIRS = [
    ("the cat sat on the mat", "the cat sat on the mat"),
    ("the cat", "the cat"),  # without effective order a perfect answer of two words would be 0
    ("the the the the the the the", "the cat is on the mat"),  # clipped counts
    ("It costs 3.50, or so; isn't it?", "It costs $3.5 -- or so."),
    ("a", "b"),
    ("A B C D", "d c b a"),
    ("Über die Straße, naïvement.", "Über der Straße naïf?"),
    ("word " * 40, "word"),
    ("x", "a much longer reference than the answer, which has one letter"),
    ("one\ntwo three-\nfour &amp; five", "one two threefour & five"),
    ("!!! ??? ...", "... ??? !!!"),
]
MORE = ["a reference of another kind", "the cat was sitting on a mat, or so", "b c"]


def value(tool: ReferenceMetric, response: str, *references: str, **extra: object) -> float:
    query = Query("translate", reference=references[0], extra={"references": list(references), **extra})
    mark = tool.rate(response, query, tool.prepare(query))
    return mark if isinstance(mark, float) else mark.value


bleu, chrf, chrf_pp, ter = BLEU(effective_order=True), CHRF(), CHRF(word_order=2), TER()


@pytest.mark.parametrize(("response", "gold"), PAIRS)
@pytest.mark.parametrize("more", [[], MORE], ids=["one", "several"])
def test_bleu_chrf_and_ter_are_sacrebleus(response, gold, more):
    golds = [gold, *more]
    text = response.strip()
    assert value(Bleu(), response, *golds) == pytest.approx(bleu.sentence_score(text, golds).score / 100, abs=1e-9)
    assert value(Chrf(), response, *golds) == pytest.approx(chrf.sentence_score(text, golds).score / 100, abs=1e-9)
    assert value(Chrf(2), response, *golds) == pytest.approx(chrf_pp.sentence_score(text, golds).score / 100, abs=1e-9)
    expected = max(0.0, 1 - ter.sentence_score(text, golds).score / 100)
    assert value(Ter(), response, *golds) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("response", "gold"), PAIRS)
@pytest.mark.parametrize("more", [[], MORE], ids=["one", "several"])
def test_rouge_is_rouge_scores(response, gold, more):
    theirs = RougeScorer(["rouge1", "rouge2", "rougeL"]).score_multi([gold, *more], response)
    for kind in "12l":
        ours = value(Rouge(kind), response, gold, *more)
        assert ours == pytest.approx(theirs["rouge" + kind.upper()].fmeasure, abs=1e-9)


def test_stemmed_rouge_is_rouge_scores():
    response, gold = "He walked into walls, relating stories", "walking into a wall he relates a story"
    theirs = RougeScorer(["rougeL"], use_stemmer=True).score(gold, response)["rougeL"].fmeasure
    assert value(Rouge("l", stem=True), response, gold) == pytest.approx(theirs, abs=1e-9)
    assert value(Rouge("l"), response, gold) < theirs


TEXT = st.text(alphabet="ab12 .,-&;'\"!?()%éÄ中。x\n", min_size=1, max_size=40).filter(str.strip)


@settings(max_examples=120, deadline=None)
@given(TEXT, TEXT)
def test_values_are_theirs_on_any_text(response, gold):
    text, gold = response.strip(), gold.strip()
    query = Query("x", reference=gold)
    for tool, metric in ((Bleu("13a"), bleu), (Chrf(), chrf), (Chrf(2), chrf_pp)):
        ours = tool.rate(text, query, tool.prepare(query))
        assert ours == pytest.approx(metric.sentence_score(text, [gold]).score / 100, abs=1e-9)
        assert 0.0 <= ours <= 1.0


@settings(max_examples=500, deadline=None)
@given(st.text(alphabet="ab1 .,-&;<>\"'\n!?()%é中。“€x[]{}^_`~|\\/:@#*+=", max_size=24))
def test_tokens_are_theirs(text):
    assert bleu_words(text, "13a") == Tokenizer13a()(text.rstrip()).split()
    assert bleu_words(text, "zh") == TokenizerZh()(text.rstrip()).split()


def test_chinese_is_split_as_by_sacrebleu_down_to_its_slip():
    """One of its ranges is written wrongly, so it takes quotes, arrows and braille for Chinese; equal is equal."""
    theirs = TokenizerZh()
    for code in [*range(0x20, 0x3500), *range(0x9F90, 0xA000), *range(0xF8F0, 0x10000)]:
        text = f"a{chr(code)}b"
        assert bleu_words(text, "zh") == theirs(text).split(), hex(code)


def test_bleu_splits_chinese_and_japanese_without_being_told():
    gold = "我希望大家能花点时间考虑一个非常简单的事实"
    zh = BLEU(effective_order=True, tokenize="zh")
    response = "我希望大家花点时间考虑一个简单的事实"
    assert value(Bleu(), response, gold) == pytest.approx(zh.sentence_score(response, [gold]).score / 100, abs=1e-9)
    assert value(Bleu("13a"), response, gold) == 0.0  # one long word each
    assert 0.3 < value(Bleu(), "猫は机の上に座っています", "猫が机の上に座っていた") < 0.9


@pytest.mark.parametrize(
    ("gold", "response"),
    [
        ("我们对宇宙的了解都来自于光", "我们对宇宙的了解来自光"),
        ("Мы знаем это благодаря свету", "Это мы знаем благодаря яркому свету"),
        ("หมานอนอยู่บนพื้น", "แมวนอนอยู่บนพื้น"),
        ("हिन्दी में लिखा हुआ वाक्य", "हिन्दी में लिखा वाक्य"),
    ],
)
def test_rouge_sees_other_scripts_than_latin(gold, response):
    assert RougeScorer(["rougeL"]).score(gold, response)["rougeL"].fmeasure == 0.0  # the trap
    for kind in "12l":
        assert 0.2 < value(Rouge(kind), response, gold) < 1.0
        assert value(Rouge(kind), gold, gold) == 1.0


def test_a_gold_text_of_many_characters_counts_alike():
    """Above 1,023 distinct characters n-grams no longer fit into 64 bits and are counted in another way."""
    gold = "".join(chr(0x4E00 + i) for i in range(1200))
    response = gold[100:900] + gold[:50]
    assert value(Chrf(), response, gold) == pytest.approx(chrf.sentence_score(response, [gold]).score / 100, abs=1e-9)


def test_composed_and_decomposed_letters_are_equal():
    for tool in (Bleu(), Chrf(), Ter(), Rouge("l")):
        assert value(tool, "cafe\u0301 cre\u0300me", "café crème") == 1.0


@pytest.mark.parametrize("tool", [Bleu(), Chrf(), Chrf(2), Ter(), Rouge("1"), Rouge("2"), Rouge("l")], ids=str)
def test_silence_thoughts_and_floods_are_worth_nothing(tool):
    gold = "the cat sat on the mat"
    assert value(tool, gold, gold) == 1.0
    assert value(tool, f"<think>hm, {gold}?</think>{gold}", gold) == 1.0
    for worthless in ("", " \n", f"<think>{gold}</think>", f"<think>{gold}", f"{gold} " * 5000):
        assert value(tool, worthless, gold) == 0.0
    assert value(tool, f"{gold} " * 3, gold) < 1.0  # repetition never beats the reference
    assert not tool.fits(Query("no reference"))


def test_long_texts_are_compared_without_shifts_by_ter():
    gold = " ".join(f"w{i}" for i in range(150))
    swapped = " ".join(f"w{i}" for i in [*range(75, 150), *range(75)])
    assert value(Ter(), gold, gold) == 1.0
    assert value(Ter(), swapped, gold) == 0.0
    assert value(Ter(), gold.replace("w7 ", "x "), gold) == pytest.approx(1 - 1 / 150)


@pytest.mark.parametrize("bad", [lambda: Bleu("14a"), lambda: Chrf(3), lambda: Rouge("3")])
def test_settings_that_do_not_exist_are_refused(bad):
    with pytest.raises(ValueError, match="must be"):
        bad()
