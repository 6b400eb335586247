"""What languages are called: by ISO 639-1 codes, by longer codes, by names in English and in other languages."""

from __future__ import annotations

import re

from rlar.types import Json

UNKNOWN = "und"

# One language a line, its code first; indented lines go on. "_" stands for a space.
_TABLE = """
en: english englisch englische englischen anglais inglés inglese inglês ingles engels английский английского
    английском 英语 英文 英 英語 영어 angielski ingilizce inggris tiếng_anh अंग्रेज़ी ইংরেজি الإنجليزية
de: german deutsch deutsche deutschen allemand alemán tedesco alemão aleman duits немецкий немецкого 德语 德文
    德 ドイツ語 독일어 niemiecki almanca jerman tiếng_đức जर्मन জার্মান الألمانية
fr: french französisch französische französischen français francais francés frances francese francês frans
    французский французского 法语 法文 法 フランス語 프랑스어 francuski fransızca perancis prancis tiếng_pháp
    फ़्रेंच الفرنسية
es: spanish castilian spanisch spanische spanischen espagnol español castellano spagnolo espanhol espanol spaans
    испанский испанского 西班牙语 西班牙文 西 スペイン語 스페인어 hiszpański ispanyolca spanyol الإسبانية
it: italian italienisch italienische italien italiano italiaans итальянский итальянского 意大利语 イタリア語
    이탈리아어 włoski italyanca الإيطالية
pt: portuguese brazilian portugiesisch portugais portugués português portugues portoghese portugees
    португальский 葡萄牙语 ポルトガル語 포르투갈어
nl: dutch flemish niederländisch holländisch néerlandais neerlandés olandese holandés nederlands нидерландский
    荷兰语 オランダ語 네덜란드어
zh: chinese mandarin cantonese chinesisch chinesische chinois chino cinese chinês chinees китайский китайского
    中文 汉语 中 中国語 漢語 중국어 chiński çince tiếng_trung चीनी الصينية
ja: japanese japanisch japanische japonais japonés giapponese japonês japans японский японского 日语 日文 日
    日本語 일본어 japoński japonca tiếng_nhật
ko: korean koreanisch coréen coreano koreaans корейский 韩语 韩文 韓国語 한국어 koreański
ru: russian russisch russische russischen russe ruso russo русский русского 俄语 俄文 俄 ロシア語 러시아어
    rosyjski rusça
ar: arabic arabisch arabe árabe arabo арабский 阿拉伯语 アラビア語 아랍어 العربية
hi: hindi хинди 印地语 ヒンディー語 힌디어 हिंदी हिन्दी
bn: bengali bangla বাংলা 孟加拉语
tr: turkish türkisch turc turco турецкий 土耳其语 türkçe トルコ語
pl: polish polnisch polonais polaco polacco polski польский 波兰语
cs: czech tschechisch tchèque checo ceco čeština чешский 捷克语
uk: ukrainian ukrainisch ukrainien ucraniano ucraino українська украинский 乌克兰语
ro: romanian rumänisch roumain rumano romeno română румынский 罗马尼亚语
sv: swedish schwedisch suédois sueco svedese svenska шведский 瑞典语
vi: vietnamese vietnamesisch vietnamien vietnamita вьетнамский 越南语 tiếng_việt
id: indonesian indonesisch indonésien indonesio indonesiano индонезийский 印尼语 bahasa_indonesia
th: thai thailändisch thaï tailandés тайский 泰语 ไทย
el: greek griechisch grec griego greco греческий 希腊语
he: hebrew hebräisch hébreu hebreo ebraico иврит 希伯来语 עברית
fa: persian farsi persisch persan persa персидский 波斯语 فارسی
la: latin lateinisch latein
da: danish dänisch danois danés
no: norwegian norwegisch norvégien noruego
fi: finnish finnisch finnois finés
hu: hungarian ungarisch hongrois húngaro
bg: bulgarian bulgarisch
sr: serbian serbisch
hr: croatian kroatisch
sk: slovak slowakisch
sl: slovenian slovene
lt: lithuanian litauisch
lv: latvian lettisch
et: estonian estnisch
ca: catalan català catalán
eu: basque
gl: galician
ga: irish
cy: welsh
is: icelandic isländisch
mt: maltese
sq: albanian
mk: macedonian
be: belarusian
ka: georgian
hy: armenian
az: azerbaijani
kk: kazakh
uz: uzbek
mn: mongolian
ur: urdu
ta: tamil
te: telugu
kn: kannada
ml: malayalam
mr: marathi
gu: gujarati
pa: punjabi
ne: nepali
si: sinhala sinhalese
km: khmer
lo: lao
my: burmese
ms: malay
tl: tagalog filipino
sw: swahili
zu: zulu
xh: xhosa
yo: yoruba
ig: igbo
ha: hausa
am: amharic
so: somali
af: afrikaans
eo: esperanto
jv: javanese
ps: pashto
ku: kurdish
yi: yiddish
"""
_THREE_LETTERS = """
eng:en deu:de ger:de fra:fr fre:fr spa:es ita:it por:pt nld:nl dut:nl zho:zh chi:zh cmn:zh yue:zh jpn:ja kor:ko
rus:ru ara:ar arb:ar hin:hi ben:bn tur:tr pol:pl ces:cs cze:cs ukr:uk ron:ro rum:ro swe:sv vie:vi ind:id tha:th
ell:el gre:el heb:he fas:fa pes:fa fin:fi hun:hu bul:bg dan:da nor:no nob:no lit:lt lav:lv est:et cat:ca
"""


def _read(table: str) -> dict[str, str]:
    found, code = {}, ""
    for line in table.strip().splitlines():
        if not line.startswith(" "):
            code, _, line = line.partition(":")
        found.update({name.replace("_", " "): code for name in line.split()})
    return found


CODE_OF_NAME: dict[str, str] = _read(_TABLE)
CODES = frozenset(CODE_OF_NAME.values())
_CODE_OF_THREE = dict(pair.split(":") for pair in _THREE_LETTERS.split())


def code_of_language(name: Json) -> str:
    """ISO 639-1 code of "de", "de_DE", "deu_Latn", "German", "allemand"; "und" for anything else."""
    if not isinstance(name, str) or not name.strip():
        return UNKNOWN
    plain = name.strip().lower()
    if plain in CODE_OF_NAME:
        return CODE_OF_NAME[plain]
    short = re.split(r"[_-]", plain)[0]
    if short in _CODE_OF_THREE:
        return _CODE_OF_THREE[short]
    return short if re.fullmatch("[a-z]{2}", short) else UNKNOWN
