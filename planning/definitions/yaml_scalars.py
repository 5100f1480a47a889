"""What the scalars of a YAML text mean: the numbers, booleans and texts that kubectl reads in them.

kubectl reads YAML 1.1 with Go's numbers, and passes the values on as JSON. Its reader is not that of the YAML libraries
of Python, which know base 60, dates and `=`.
Source: go.yaml.in/yaml/v2, resolve.go and decode.go; sigs.k8s.io/yaml, yaml.go; docs/spec/drworkflow.md, "Manifests".
"""

import base64
import math
import re
import struct
from decimal import Decimal
from typing import Any

from planning.messages import files as file_messages

LONGEST_NUMBER = 300
"""Characters. A longer number is none that JSON readers agree on."""
TAG = "tag:yaml.org,2002:"

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y"})
_FALSE = frozenset({"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N"})
_NUMBER_BEGINS = frozenset("+-.0123456789")
_NO_JSON = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_INT = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))")
"""Sign, and digits of base 16, 2, 8 or 10: a leading 0 alone means base 8."""
_BASES = (16, 2, 8, 10)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_POINT_FIRST = re.compile(r"\.[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+(?:_[0-9]+)*)?")
_TIMESTAMP = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ][0-9:.]+(?:Z|[-+][0-9]{2}:[0-9]{2})?)?")
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_CONVERTED = ("int", "float", "bool", "null", "timestamp")
_INT64, _UINT64 = 1 << 63, 1 << 64
_SINGLE_OVERFLOW = 2.0**128 - 2.0**103
_SINGLE_DIGITS = 9
"""Decimal digits that tell any two numbers of single precision apart."""


class ManifestError(ValueError):
    """A manifest is not one object; the message says why, and the remedy."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line
        """Where that is known, and the message names it."""


def plain(text: str) -> Any:
    """Return the value of a scalar without quotes and tag. Raises ManifestError."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if text[0] not in _NUMBER_BEGINS:
        return text
    if _NO_JSON.fullmatch(text):
        raise ManifestError(file_messages.not_a_number(text))
    number = _without_separators(text)
    if len(number) > LONGEST_NUMBER and (_INT.fullmatch(number) or _FLOAT.fullmatch(number)):
        raise ManifestError(file_messages.number_too_long(LONGEST_NUMBER))
    if (whole := _whole(number)) is not None:
        return whole
    if _FLOAT.fullmatch(number) and math.isfinite(value := float(number)):
        return as_json_number(value)
    return text


def plain_value(text: str) -> Any:
    """Return what YAML takes a text for that was filled in: a number, a boolean, null, else the text as it is."""
    try:
        value = plain(text.strip())
    except ManifestError:
        return text
    return text if isinstance(value, str) else value


def tagged(text: str, tag: str) -> Any:
    """Return the value of a scalar with a tag. Raises ManifestError.

    A tag that nobody knows means nothing: the value is a text.
    """
    name = tag.removeprefix(TAG) if tag.startswith(TAG) else ""
    if name == "binary":
        return _binary(text)
    if name not in _CONVERTED:
        return text
    if name == "timestamp" and _TIMESTAMP.fullmatch(text):
        return text
    value = plain(text)
    kinds: dict[str, tuple[type, ...]] = {"int": (int,), "float": (float, int), "bool": (bool,), "null": (type(None),)}
    is_float = type(value) is int and _whole(text.replace("_", "")) is None
    if type(value) not in kinds.get(name, ()) or (name == "int" and is_float):
        raise ManifestError(file_messages.wrong_tag(f"!!{name}"))
    return as_json_number(float(value)) if name == "float" else value


def key_text(key: Any, line: int) -> str:
    """Return a key as text, as kubectl writes it. Raises ManifestError for one that is no text, number or boolean."""
    if isinstance(key, str):
        return key
    if isinstance(key, bool):
        return str(key).lower()
    if isinstance(key, int) and -_INT64 <= key < _INT64:
        return str(key)
    raise ManifestError(file_messages.strange_key(type(key), line), line)


def plain_key(text: str, line: int) -> str:
    """Return the key that a scalar without quotes and tag is. Raises ManifestError."""
    if special := _NO_JSON.fullmatch(text):
        return special[0].lower().removeprefix("+")
    number = _without_separators(text)
    is_float = text[:1] in _NUMBER_BEGINS and _whole(number) is None and _FLOAT.fullmatch(number) is not None
    if is_float and len(number) <= LONGEST_NUMBER and math.isfinite(float(number)):
        return _single_precision(float(number))
    return key_text(plain(text), line)


def as_json_number(value: float) -> int | float:
    """Return a number as Go writes it as JSON: without a point where it is whole, in the fewest digits."""
    if value.is_integer() and -_INT64 <= value < _INT64:
        return int(Decimal(repr(value)))
    return value


def _without_separators(text: str) -> str:
    """Return a number without the underscores in it; one that begins with a point has them between digits only."""
    if text.startswith(".") and not _POINT_FIRST.fullmatch(text):
        return text
    return text.replace("_", "")


def _whole(number: str) -> int | float | None:
    """Return the integer that a text is, if it has at most 64 bits; None for any other text."""
    match = _INT.fullmatch(number)
    if match is None:
        return None
    sign, *digits = match.groups()
    value = next(int(each, base) for each, base in zip(digits, _BASES, strict=True) if each)
    value = -value if sign == "-" else value
    if -_INT64 <= value < _INT64 or (not sign and value < _UINT64):
        return value
    return None


def _binary(text: str) -> str:
    encoded = text.replace("\r", "").replace("\n", "")
    if not _BASE64.fullmatch(encoded):
        raise ManifestError(file_messages.NOT_BASE64)
    # What is not UTF-8 becomes a replacement character, byte by byte.
    raw = base64.b64decode(encoded).decode(errors="surrogateescape")
    return re.sub("[\udc80-\udcff]", "\ufffd", raw)


def _single_precision(value: float) -> str:
    """Return a number in single precision, in the fewest digits that tell it apart: so kubectl writes keys."""
    if abs(value) >= _SINGLE_OVERFLOW:
        return "-.inf" if value < 0 else ".inf"
    single = struct.unpack("f", struct.pack("f", value))[0]
    shortest = (f"{single:.{digits - 1}e}" for digits in range(1, _SINGLE_DIGITS + 1))
    text = next(each for each in shortest if struct.unpack("f", struct.pack("f", float(each)))[0] == single)
    exponent = int(text.partition("e")[2])
    if -4 <= exponent < 6:
        return f"{Decimal(text):f}".removesuffix(".")
    return text
