"""The header of a safetensors file: names and shapes of the weights, read and checked without the weights."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping

from rlar.acquire.web_agent.reading import UnreadableError

LARGEST_HEADER = 32 << 20  # bytes; the largest real ones have a few MiB
BYTES = {
    "F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2,
    "F8_E4M3": 1, "F8_E5M2": 1, "I8": 1, "U8": 1, "BOOL": 1,
}  # fmt: skip
Shape = tuple[int, ...]


def read_header(head: Callable[[int], bytes], size: int, name: str) -> dict[str, Shape]:
    """Shapes by tensor name. head(n): the first n bytes of the file; size: of the file. Raises UnreadableError.

    Every tensor must lie within the file, as large as its shape says, and share no byte with another.
    """
    n = int.from_bytes(head(8), "little")
    if n < 2 or n > min(LARGEST_HEADER, size - 8):
        raise UnreadableError(f"{name}: says that its header has {n:,} bytes, which cannot be")
    try:
        body = json.loads(head(8 + n)[8:].decode("utf-8"))
        body.pop("__metadata__", None)
        shapes = {str(key): _shape(value) for key, value in body.items()}
        spans = sorted((int(v["data_offsets"][0]), int(v["data_offsets"][1]), k) for k, v in body.items())
        wrong = [k for a, b, k in spans if b - a != math.prod(shapes[k]) * BYTES[body[k]["dtype"]]]
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as e:
        raise UnreadableError(f"{name}: its header cannot be read ({type(e).__name__})") from e
    if wrong:
        raise UnreadableError(f"{name}: {wrong[0][:80]!r} has another size than its shape")
    end = 0
    for a, b, key in spans:
        if a < end:
            raise UnreadableError(f"{name}: {key[:80]!r} overlaps another tensor")
        end = b
    if end != size - 8 - n:
        raise UnreadableError(f"{name}: has {size - 8 - n:,} bytes of weights, its header says {end:,}")
    return shapes


def _shape(value: Mapping[str, object]) -> Shape:
    shape = value["shape"]
    if not isinstance(shape, list) or not all(type(d) is int and 0 <= d < 1 << 40 for d in shape):
        raise ValueError("a shape is a list of sizes")
    return tuple(shape)


def parameters(shapes: Mapping[str, Shape]) -> int:
    return sum(math.prod(shape) for shape in shapes.values())
