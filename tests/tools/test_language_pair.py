"""From which language into which a prompt asks to translate, in many wordings and languages."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlar.tools.language_names import code_of_language
from rlar.tools.language_pair import language_pair
from rlar.types import Message, Query


@pytest.mark.parametrize(
    ("prompt", "source", "target", "text"),
    [
        ("Translate the following text from English to German.\n\nThe end.", "en", "de", "The end."),
        ("Translate into German from English: The end.", "en", "de", "The end."),
        ("Translate this German sentence into English.\nDas Ende ist nah.", "de", "en", "Das Ende ist nah."),
        (
            "Please translate this into French: I love you and I always will.",
            "en",
            "fr",
            "I love you and I always will.",
        ),
        ("Translate to Japanese. Reply with the translation only.\n\nThe end.", "und", "ja", "The end."),
        ("Provide the German translation for the following English sentence:\nThe end.", "en", "de", "The end."),
        ("English: The end.\nGerman:", "en", "de", "The end."),
        ("The ship sank long before it reached the bight.\n\nTranslate the above into Italian.", "en", "it", None),
        ("How do you say 'good morning' in Spanish?", "und", "es", "good morning"),
        ("Übersetze den folgenden Satz ins Englische: Der Hund schläft auf dem Sofa.", "de", "en", None),
        ("Traduisez le texte suivant de l'anglais vers le français :\n\nThe cat sat.", "en", "fr", "The cat sat."),
        ("Traduce al español: the house is big", "und", "es", "the house is big"),
        ("Traduci in italiano: the house is big", "und", "it", "the house is big"),
        ("Traduza o texto a seguir para o português:\nthe house is big", "und", "pt", "the house is big"),
        ("Переведи на английский: Мама мыла раму", "ru", "en", "Мама мыла раму"),
        ("请把下面的句子翻译成英文：我们站在地球上", "zh", "en", "我们站在地球上"),
        ("将以下英文翻译成中文。\n\nI like tea.", "en", "zh", "I like tea."),
        ("英译中：I like tea.", "en", "zh", "I like tea."),
        ("次の文を英語に翻訳してください。\n\n庭から戻る", "ja", "en", "庭から戻る"),
        ("다음 문장을 영어로 번역해 주세요: 물이 끓는다", "ko", "en", "물이 끓는다"),
        ("Terjemahkan ungkapan 'jago merah' ke bahasa Inggris", "und", "en", "jago merah"),
        ("ترجم النص التالي إلى العربية: the house", "und", "ar", "the house"),
        ("এই বাক্যটি ইংরেজি ভাষায় অনুবাদ করুন: আমি ভাত খাই", "bn", "en", "আমি ভাত খাই"),
    ],
)
def test_wordings_and_languages(prompt, source, target, text):
    pair = language_pair(Query(prompt))
    assert pair is not None
    assert (pair.source, pair.target) == (source, target)
    assert pair.sure >= 0.8
    if text is not None:
        assert pair.text == text


@pytest.mark.parametrize(
    "prompt",
    [
        "Translate this Python code to Java.",
        "Translate the statement into first-order logic.",
        "What did the English do in India in 1850?",
        "Is Polish hard to learn?",
        "Polish this paragraph, please: it is rough.",
        "We danced in the Chinese garden.",
        "",
    ],
)
def test_what_is_no_translation(prompt):
    assert language_pair(Query(prompt)) is None


def test_a_side_remark_about_translating_is_not_the_task():
    pair = language_pair(Query("Write a poem about the sea and translate each line into French afterwards."))
    assert pair is None or pair.sure < 0.75


@pytest.mark.parametrize("prompt", ["Hello there, my friend.", "Übersetze: Hello there, my friend."])
def test_columns_of_the_row_win(prompt):
    query = Query(prompt, extra={"src_lang": "eng_Latn", "tgt_lang": "German", "src": "Hello there, my friend."})
    pair = language_pair(query)
    assert pair is not None
    assert (pair.source, pair.target, pair.text) == ("en", "de", "Hello there, my friend.")
    assert pair.sure > 0.95


def test_the_instruction_may_stand_in_the_system_message():
    query = Query((Message("system", "You translate from English to Dutch."), Message("user", "The end is near.")))
    pair = language_pair(query)
    assert pair is not None
    assert (pair.source, pair.target, pair.text) == ("en", "nl", "The end is near.")


@pytest.mark.parametrize(
    ("name", "code"),
    [("de", "de"), ("de_DE", "de"), ("deu_Latn", "de"), ("German", "de"), ("zho", "zh"), ("zh-CN", "zh"),
     ("tiếng Anh", "en"), ("bahasa Indonesia", "id"), ("xyzzy", "und"), (None, "und"), ("", "und"), (3, "und")],
)  # fmt: skip
def test_codes_and_names_of_languages(name, code):
    assert code_of_language(name) == code


@pytest.mark.parametrize(
    "text", ["translate " * 100_000, "english:" * 100_000, "translate to german " * 50_000, "\n" * 10**6]
)
def test_a_megabyte_costs_no_more_than_a_page(text):
    started = time.process_time()
    language_pair(Query(text))
    assert time.process_time() - started < 0.5


@given(
    st.text(max_size=200),
    st.dictionaries(st.sampled_from(["src", "src_lang", "tgt_lang"]), st.text(max_size=9) | st.none()),
)
@settings(max_examples=100, deadline=None)
def test_any_prompt_can_be_asked(prompt, extra):
    assert language_pair(Query(prompt, extra=extra)) == language_pair(Query(prompt, extra=extra))
