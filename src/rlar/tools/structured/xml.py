"""XML, read without entities, and found in prose."""

from __future__ import annotations

import re
from typing import Any

from rlar.tools.structured.payload import Payload, find_payload
from rlar.tools.structured.values import DEEPEST, Malformed
from rlar.types import Json

NAMES = ("xml", "svg", "xhtml", "rss")  # of fences
LONGEST = 500_000  # characters
MOST_STARTS = 20  # places in prose at which a document may begin that are tried


def read_xml(text: str) -> Json:
    """A document as [tag, attributes, text, children, tail] of its root, texts with single spaces. Raises Malformed.

    Comments and processing instructions do not count. A DTD is refused, and with it every entity that could grow.
    """
    from xml.etree.ElementTree import ParseError

    import defusedxml
    from defusedxml.ElementTree import fromstring

    if len(text) > LONGEST:
        raise Malformed(f"{len(text)} characters, more than {LONGEST}")
    try:
        root = fromstring(text, forbid_dtd=True)
    except ParseError as e:
        raise Malformed(str(e)) from None
    except (defusedxml.DefusedXmlException, ValueError) as e:
        raise Malformed(f"{type(e).__name__}: {e}") from None
    return _plain(root, 0)


def _plain(element: Any, level: int) -> Json:
    if level > DEEPEST:
        raise Malformed(f"nested deeper than {DEEPEST} levels")
    children = [_plain(child, level + 1) for child in element]
    return [element.tag, dict(element.attrib), _text(element.text), children, _text(element.tail)]


def _text(text: str | None) -> str:
    return " ".join((text or "").split())


def xml_payload(response: str, strict: bool = False) -> Payload:
    """The XML part of a response: the last fence, the whole, or in prose the last element that is well formed."""
    return find_payload(response, NAMES, in_prose=_in_prose, looks_whole=lambda text: text[0] == "<", strict=strict)


_CLOSED = re.compile(r"</([A-Za-z_][\w:.-]{0,100})\s*>|<([A-Za-z_][\w:.-]{0,100})[^<>]{0,10000}/>")


def _in_prose(text: str) -> str | None:
    """From the outermost opening of the element that closes last; None where nothing closes."""
    if len(text) > LONGEST:
        return None
    closed = list(_CLOSED.finditer(text))
    if not closed:
        return None
    last = closed[-1]
    if last[2]:
        return last[0]
    starts = [m.start() for m in re.finditer(rf"<{re.escape(last[1])}(?=[\s>/])", text[: last.start()])]
    for start in starts[:MOST_STARTS]:
        try:
            read_xml(text[start : last.end()])
        except Malformed:
            continue
        return text[start : last.end()]
    return text[starts[0] : last.end()] if starts else None
