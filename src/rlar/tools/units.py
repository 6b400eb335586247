"""Names and sizes of common units, so that "2 hours" can be told from "2 minutes" and equals "120 minutes"."""

from __future__ import annotations

import re
from fractions import Fraction

_SCALES = {  # dimension: {canonical name: (size in the base unit, other names)}
    "length": {
        "mm": ("1/1000", "millimeter millimetre"),
        "cm": ("1/100", "centimeter centimetre"),
        "m": ("1", "meter metre"),
        "km": ("1000", "kilometer kilometre"),
        "in": ("0.0254", "inch inches"),
        "ft": ("0.3048", "foot feet"),
        "yd": ("0.9144", "yard"),
        "mi": ("1609.344", "mile"),
    },
    "time": {
        "s": ("1", "sec second"),
        "min": ("60", "minute"),
        "h": ("3600", "hr hour"),
        "day": ("86400", ""),
        "week": ("604800", ""),
    },
    "mass": {
        "mg": ("1/1000", "milligram"),
        "g": ("1", "gram gm"),
        "kg": ("1000", "kilogram"),
        "oz": ("28.349523125", "ounce"),
        "lb": ("453.59237", "pound"),
    },
    "volume": {"ml": ("1/1000", "milliliter millilitre mL"), "l": ("1", "liter litre L")},
    "money": {"cent": ("1/100", "¢"), "dollar": ("1", "usd USD $")},
    "euros": {"euro": ("1", "eur EUR €")},
    "sterling": {"£": ("1", "gbp GBP")},
    "yen": {"yen": ("1", "jpy JPY ¥")},
    "rupees": {"rupee": ("1", "inr INR ₹ Rs")},
    "speed": {
        "m/s": ("1", "mps meters_per_second metres_per_second"),
        "km/h": ("5/18", "kph kmh km/hr kilometers_per_hour kilometres_per_hour"),
        "mph": ("0.44704", "mi/h miles_per_hour"),
    },
}
_LOOK_ALIKE = frozenset({frozenset({"m", "min"}), frozenset({"lb", "£"})})  # "5 m" in a race, "5 pounds" in a shop
_UNITS: dict[str, tuple[str, str, Fraction]] = {}  # written name: (canonical name, dimension, size)
for _dimension, _units in _SCALES.items():
    for _canonical, (_size, _names) in _units.items():
        for _name in (_canonical, *(name.replace("_", " ") for name in _names.split())):
            _UNITS[_name] = _UNITS[_name + "s"] = (_canonical, _dimension, Fraction(_size))

_SYMBOL_NAMES = """mm cm dm m km g kg mg s h l ml L J N W V K C F Hz kHz MHz Pa kPa eV keV MeV A mol M rad sr kJ kW kN
ft lb oz mi mph kph km/h m/s cm/s € £ ¥ ₹ ¢"""
_MATHS_WORDS = """pi sqrt sin cos tan cot sec csc log ln exp mod or and to plus minus times over divided by squared
cubed factorial choose infinity inf nan root power half third quarter frac binom cdot pmod x y z n k t i e c is was
are not equals but rather either instead because since so least most more less fewer"""
SYMBOLS = frozenset(_SYMBOL_NAMES.split())  # short names that may follow a number without a space
NO_UNIT = frozenset(_MATHS_WORDS.split())  # words that make more of a number than a quantity
MAGNITUDES = {
    "hundred": 100,
    "thousand": 10**3,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
    "dozen": 12,
    "k": 10**3,
}
_HOW_MANY = re.compile(r"\bhow many\s+(?:more |total |full |whole )?([a-zA-Z]{1,12})\b", re.I)


def known_unit(word: str) -> str | None:
    """The canonical name of a unit ("hours" is "h"), or None for a word that is no unit known here."""
    found = _UNITS.get(word) or _UNITS.get(word.lower())
    return found[0] if found else None


def ratio(a: str, b: str) -> Fraction | None:
    """How many of unit b make one unit a (hours in minutes: 60); None if unknown or not of one dimension."""
    x, y = _UNITS.get(a), _UNITS.get(b)
    return x[2] / y[2] if x and y and x[1] == y[1] else None


def contradict(a: str, b: str) -> bool:
    """Whether two canonical units measure different things (metres, seconds); False where either is not known here."""
    x, y = _UNITS.get(a), _UNITS.get(b)
    return x is not None and y is not None and x[1] != y[1] and frozenset({x[0], y[0]}) not in _LOOK_ALIKE


def asked_unit(prompt: str) -> str:
    """The canonical unit that the last "how many <unit>" of a prompt asks for; "" where none is known."""
    asked = _HOW_MANY.findall(prompt[-2000:])
    return (known_unit(asked[-1]) or "") if asked else ""
