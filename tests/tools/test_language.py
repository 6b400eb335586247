"""Which language a text is in: scripts, common words, and the model behind them."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlar.tools.language import UNKNOWN, detect, detect_cheap

SENTENCES = {
    "en": "The kettle was already boiling when we came back from the garden.",
    "de": "Der Kessel kochte schon, als wir aus dem Garten zurückkamen.",
    "fr": "La bouilloire chantait déjà quand nous sommes revenus du jardin.",
    "es": "La tetera ya hervía cuando volvimos del jardín con los niños.",
    "it": "Il bollitore fischiava già quando siamo tornati dal giardino della nonna.",
    "pt": "A chaleira já fervia quando nós voltamos do jardim com os meninos.",
    "nl": "De ketel kookte al toen wij met de kinderen uit de tuin kwamen.",
    "ro": "Ceainicul fierbea deja când ne-am întors din grădină și am pus masa.",
    "pl": "Czajnik już się gotował, gdy wróciliśmy z ogrodu do domu.",
    "tr": "Bahçeden döndüğümüzde su çoktan kaynamıştı ve çay hazırdı.",
    "vi": "Khi chúng tôi từ vườn trở về thì nước đã sôi rồi.",
    "ru": "Чайник уже кипел, когда мы вернулись из сада.",
    "uk": "Чайник уже кипів, коли ми повернулися із саду з їжею.",
    "bg": "Чайникът вече вреше, когато се върнахме от градината вкъщи.",
    "el": "Ο βραστήρας έβραζε ήδη όταν γυρίσαμε από τον κήπο.",
    "he": "הקומקום כבר רתח כשחזרנו מהגינה.",
    "ar": "كانت الغلاية تغلي عندما عدنا من الحديقة.",
    "fa": "وقتی از باغ برگشتیم، کتری داشت می‌جوشید و چای آماده بود پدر.",
    "hi": "जब हम बगीचे से लौटे तब केतली उबल रही थी।",
    "bn": "আমরা যখন বাগান থেকে ফিরলাম তখন কেটলি ফুটছিল।",
    "th": "กาน้ำเดือดแล้วตอนที่เรากลับมาจากสวน",
    "ta": "நாங்கள் தோட்டத்திலிருந்து திரும்பியபோது தண்ணீர் கொதித்தது.",
    "ja": "庭から戻ると、やかんはもう沸いていた。",
    "zh": "我们从花园回来时，水壶已经开了。",
    "ko": "정원에서 돌아오니 주전자가 이미 끓고 있었다.",
}


@pytest.mark.parametrize(("code", "text"), SENTENCES.items())
def test_a_plain_sentence_needs_no_model(code, text):
    assert detect_cheap(text) == code
    assert detect(text) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", UNKNOWN),
        ("   \n", UNKNOWN),
        ("42 + 17 = 59", UNKNOWN),
        ("hallo", UNKNOWN),  # under 20 letters of a script that many languages share
        ("会议", "zh"),  # the script decides, however short
        ("ありがとう", "ja"),
        ("감사합니다", "ko"),
        ("日本語のテキスト", "ja"),  # mostly Chinese characters, but kana never stand in Chinese
        ("It's the teacher's idea that it's everyone's turn to speak.", "en"),  # "s" is a Czech word
        ("Где находится the nearest station?", UNKNOWN),  # half and half: not guessed
        (
            "Please translate 你好 for the guests who are waiting in the hall.",
            "en",
        ),  # a quoted word is not the language
        ("```python\nfor i in range(10):\n    print(i)\n```\nWarum läuft das nicht und was ist der Fehler?", "de"),
        ("Was ist \\frac{1}{2} von der Summe aus $a$ und $b$, wenn sie nicht null sind?", "de"),
        ("\ud800 lone \udfff surrogates are in the text and it is still English", "en"),
    ],
)
def test_traps(text, code):
    assert detect_cheap(text) == code


def test_the_model_settles_what_the_vote_cannot():
    text = "Roger Redfarn regisseerde terwijl dochters Sheila choreografie verzorgden tijdens voorstellingen."
    assert detect_cheap(text) == UNKNOWN
    assert detect(text) == "nl"


def test_the_cheap_way_loads_no_model():
    program = (
        "import sys; from rlar.tools.language import detect_cheap\n"
        "detect_cheap('quux blorp frobnicate zyzzyva wibble wobble')\n"
        "print(sorted({'numpy', 'py3langid'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@given(st.text(max_size=300))
@settings(max_examples=150, deadline=None)
def test_any_text_has_an_answer_and_it_is_always_the_same(text):
    first = detect_cheap(text)
    assert first == detect_cheap(text)
    assert first == UNKNOWN or (len(first) == 2 and first.isalpha())


def test_a_megabyte_is_read_by_its_ends():
    assert detect_cheap("der Hund und die Katze sind nicht im Haus " * 25_000) == "de"
    assert detect_cheap("x" * 1_000_000) == UNKNOWN
    assert detect_cheap("<" * 1_000_000) == UNKNOWN
    assert detect_cheap("$" * 1_000_000) == UNKNOWN


@pytest.mark.data
def test_translations_of_the_shared_data_are_recognised(shared_data: Path):
    right = wrong = unknown = 0
    for name in ("bon_mqm_ted", "graded_mlqe"):
        with gzip.open(shared_data / "eval" / f"{name}.jsonl.gz", "rt") as lines:
            for row in map(json.loads, lines):
                for text, code in (
                    (row["meta"].get("src"), row["meta"]["src_lang"]),
                    (row["reference"], row["meta"]["tgt_lang"]),
                ):
                    if text:
                        found = detect_cheap(text)
                        right += found == code
                        unknown += found == UNKNOWN
                        wrong += found not in (code, UNKNOWN)
    assert wrong <= 0.004 * (right + wrong)
    assert unknown <= 0.15 * (right + wrong + unknown)
