"""Text of strangers as HTML text: nothing in it can become markup, vanish, or turn the line around."""

from __future__ import annotations

import html
import json
import re

from rlar.types import Json

# Control characters (NUL is not allowed in HTML at all), invisible ones, and those that change the direction of text.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def escape(text: str) -> str:
    """For element content and quoted attributes. Hidden characters are shown by their code."""
    return html.escape(_HIDDEN.sub(_shown, text), quote=True)


def _shown(match: re.Match[str]) -> str:
    return f"⟨U+{ord(match[0]):04X}⟩"


def script_json(value: Json) -> str:
    """JSON for inside a <script type="application/json">: pure ASCII, and no character that could end the element."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
