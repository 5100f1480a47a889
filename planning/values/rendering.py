"""Fill templates in: texts, texts that are JSON or YAML themselves, and manifests.

A value never becomes structure. A manifest is read with an opaque word in place of each placeholder, and its scalars
are filled in afterwards, so that no value adds a key, an item, a document, an anchor or a tag; the same holds for JSON
inside a text. Everything is done in one pass: the text of a value is never read as a placeholder.
Source: docs/spec/drworkflow.md, "Templates" and "Limits"; docs/decisions/0019-a-value-never-becomes-structure.md.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from enum import Enum, auto
from typing import Any

from api.actions import Action
from planning.definitions.action_types import NamedBy, filled, row_of
from planning.definitions.manifest import one_document
from planning.definitions.yaml_documents import MAX_TEXT, Fill, ScalarStyle, documents_in
from planning.definitions.yaml_scalars import LONGEST_NUMBER, ManifestError
from planning.messages import parameters as parameter_messages
from planning.values.field_types import name_below, typed
from planning.values.placeholders import (
    Escaped,
    Piece,
    Placeholder,
    PlaceholderKind,
    TemplateError,
    Values,
    as_written,
    pieces,
    value_of,
)

_JSON_SCALAR = re.compile(r"true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_QUOTE = re.compile(r'\\.|"', re.DOTALL)
_LINE_START = re.compile(r"(?:^|\n)( +)$")
_PATCH = re.compile(r"\.overrides\[[0-9]+\]\.value$")
"""Path of a patch of Clusternet: a text that is JSON or YAML."""
_BODY = "http.body"


def render(text: str, values: Values, *, partly: bool = False) -> str:
    """Fill a text in. With `partly`, placeholders without a value stay as they are written.

    Raises TemplateError for a placeholder that is unknown or has no value, and for a result that is too long.
    """
    return _Renderer(values, partly=partly).text(text)


def render_value(value: Any, values: Values, path: str, *, partly: bool = False) -> Any:
    """Fill in every text of a JSON value; the names of fields stay as they are.

    In a text that is a JSON object around its placeholders, a value stays one value of that JSON; so it does in the
    body of a request and in a patch, which may be lists as well, and a patch YAML.
    Raises TemplateError with the field path of the text.
    """
    return _Renderer(values, partly=partly).value(value, path)


def render_manifest(text: str, values: Values, *, partly: bool = False) -> str:
    """Fill a manifest in, and return it as JSON, which is YAML; one without placeholders stays as it is.

    Raises TemplateError, and ManifestError where the text is not one mapping or exceeds a limit.
    """
    return _Renderer(values, partly=partly).manifest(text)


def validate_manifest_template(text: str) -> None:
    """Raise ManifestError where a manifest is no mapping, whatever the values of its placeholders."""
    render_manifest(text, Values(), partly=True)


def rendered_action(action: Action, values: Values, *, partly: bool = False) -> Action:
    """Return an action with its placeholders filled in.

    Raises TemplateError with the path below the action, and ManifestError; with `partly`, a manifest that cannot be
    read stays as it is.
    """
    renderer, by_manifest = _Renderer(values, partly=partly), row_of(action).named_by is NamedBy.MANIFEST

    def fill(value: Any, path: str) -> Any:
        if not by_manifest:
            return renderer.value(value, path, "" if row_of(action).has_object else None)
        try:
            return renderer.manifest(value)
        except TemplateError as error:
            raise TemplateError(error.reason, path) from None
        except ManifestError:
            if partly:
                return value
            raise

    return filled(action, fill)


class _JsonPlace(Enum):
    """Where a piece of a JSON text is."""

    LITERAL = auto()
    STRING = auto()
    KEY = auto()
    VALUE = auto()


class _Renderer:
    """Fills texts in with one set of values."""

    def __init__(self, values: Values, *, partly: bool) -> None:
        self._values = values
        self._partly = partly
        self._fragments: dict[str, Any] = {}
        self._room = MAX_TEXT
        """Characters that all texts together may still have."""

    def text(self, text: str) -> str:
        """Fill a text in. Raises TemplateError."""
        parts = self._pieces(text)
        return text if parts is None else "".join(map(self._filled, parts))

    def value(self, value: Any, path: str, name: str | None = None) -> Any:
        """Fill in every text of a JSON value. Raises TemplateError.

        `name` is that of its field, by which a text becomes a number or a boolean; None where there are no such fields.
        """
        if isinstance(value, dict):
            names = {key: None if name is None else name_below(name, key) for key in value}
            return {key: self.value(item, f"{path}.{key}", names[key]) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item, f"{path}[{index}]", name) for index, item in enumerate(value)]
        if not isinstance(value, str):
            return value
        try:
            text = self._part(value, path)
        except TemplateError as error:
            raise TemplateError(error.reason, path) from None
        return text if name is None or text == value else typed(name, text)

    def manifest(self, text: str) -> str:
        """Fill a manifest in. Raises TemplateError and ManifestError."""
        parts = self._pieces(text)
        if parts is None:
            return text
        opaque, fill = self._opaque(parts)
        return json.dumps(one_document(opaque, fill), ensure_ascii=False)

    def _part(self, text: str, path: str) -> str:
        """Fill in a text at a path of a definition."""
        parts = self._pieces(text)
        if parts is None:
            return text
        start = str(parts[0]).lstrip()[:1]
        is_patch, is_body = _PATCH.search(path) is not None, path == _BODY
        if start == "{" or (start == "[" and (is_patch or is_body)):
            if (json_text := self._json(parts)) is not None:
                return json_text
            if is_body and str(parts[-1]).rstrip().endswith(("}", "]")):
                raise TemplateError(parameter_messages.NOT_JSON_AROUND_PLACEHOLDERS)
        return self._patch(parts) if is_patch else "".join(map(self._filled, parts))

    def _patch(self, parts: Sequence[Piece]) -> str:
        """Fill in a patch that is YAML. One that is a single placeholder, or no list or mapping, is any text."""
        opaque, fill = self._opaque(parts)
        try:
            documents = documents_in(opaque, fill)
        except ManifestError as error:
            raise TemplateError(parameter_messages.not_a_patch(str(error))) from None
        if len(documents) == 1 and isinstance(documents[0], dict | list):
            return json.dumps(documents[0], ensure_ascii=False)
        return "".join(map(self._filled, parts))

    def _pieces(self, text: str) -> list[Piece] | None:
        """Return a template in pieces; None where it has no placeholders.

        Raises TemplateError if the result would be too long: it is measured before it is made.
        """
        parts = pieces(text)
        if all(isinstance(part, str) for part in parts):
            return None
        self._take(sum(len(self._filled(part)) for part in parts))
        return parts

    def _take(self, characters: int) -> None:
        """Count characters of a result. Raises TemplateError where there is no room for them."""
        self._room -= characters
        if self._room < 0:
            raise TemplateError(parameter_messages.too_long_when_filled(MAX_TEXT))

    def _filled(self, piece: Piece) -> str:
        if isinstance(piece, str):
            return piece
        if isinstance(piece, Escaped):
            return piece.literal
        try:
            return value_of(piece, self._values)
        except TemplateError:
            if self._partly:
                return piece.text
            raise

    def _opaque(self, parts: Sequence[Piece]) -> tuple[str, Fill]:
        """Return a text with an opaque word for each placeholder, and what fills in a part of that text."""
        template = "".join(map(as_written, parts))
        # No text contains its own hash.
        mark = f"x{hashlib.sha256(template.encode(errors='surrogatepass')).hexdigest()[:20]}n"
        word = re.compile(rf"{mark}(\d+)e")

        def fill(text: str, style: ScalarStyle) -> Any:
            if mark not in text:
                return text
            split = word.split(text)
            own = [parts[int(each)] if odd % 2 else each for odd, each in enumerate(split) if each != ""]
            return self._scalar(own, style)

        opaque = (part if isinstance(part, str) else f"{mark}{place}e" for place, part in enumerate(parts))
        return "".join(opaque), fill

    def _scalar(self, parts: Sequence[Piece], style: ScalarStyle) -> Any:
        """Return what stands for one scalar: its text, or a fragment for one that is nothing but a placeholder."""
        only = parts[0]
        if len(parts) == 1 and style is ScalarStyle.PLAIN and isinstance(only, Placeholder) and self._is_fragment(only):
            return self._fragment(only)
        if str(only).lstrip()[:1] == "{" and (json_text := self._json(parts)) is not None:
            return json_text
        texts: list[str] = []
        for part in parts:
            text = self._filled(part)
            # A value of several lines that is alone in an indented line of a block keeps that indentation.
            alone = style is ScalarStyle.BLOCK and isinstance(part, Placeholder) and bool(texts)
            if alone and (start := _LINE_START.search(texts[-1])):
                self._take(text.count("\n") * len(start[1]))
                text = re.sub(r"\n(?=[^\n])", f"\n{start[1]}", text)
            texts.append(text)
        return "".join(texts)

    def _is_fragment(self, placeholder: Placeholder) -> bool:
        is_parameter = placeholder.kind is PlaceholderKind.PARAMS and placeholder.name in self._values.params
        return is_parameter and placeholder.name in self._values.fragments

    def _fragment(self, placeholder: Placeholder) -> Any:
        """Return the value of a parameter of type yaml. Raises TemplateError."""
        name = placeholder.name
        if name not in self._fragments:
            try:
                # A fragment may be secret: with something to fill in, errors do not quote it.
                documents = documents_in(self._values.params[name], lambda text, _: text)
            except ManifestError as error:
                raise TemplateError(parameter_messages.not_a_fragment(name, str(error))) from None
            if len(documents) > 1:
                raise TemplateError(parameter_messages.not_a_fragment(name, parameter_messages.SEVERAL_DOCUMENTS))
            self._fragments[name] = documents[0] if documents else None
        return self._fragments[name]

    def _json(self, parts: Sequence[Piece]) -> str | None:
        """Fill in a text that is JSON around its placeholders; return None for any other text."""
        places = list(_json_places(parts))
        words = {_JsonPlace.STRING: "x", _JsonPlace.KEY: '"x"', _JsonPlace.VALUE: '"x"'}
        try:
            json.loads("".join(words.get(place, str(part)) for part, place in zip(parts, places, strict=True)))
        except (ValueError, RecursionError):
            return None
        return "".join(self._in_json(part, place) for part, place in zip(parts, places, strict=True))

    def _in_json(self, piece: Piece, place: _JsonPlace) -> str:
        text = self._filled(piece)
        if isinstance(piece, str):
            return text
        if place is _JsonPlace.VALUE and isinstance(piece, Placeholder) and self._is_fragment(piece):
            fragment = json.dumps(self._fragment(piece), ensure_ascii=False)
            self._take(len(fragment))  # an alias may have made it longer than its text
            return fragment
        if place is _JsonPlace.VALUE and len(text) <= LONGEST_NUMBER and _JSON_SCALAR.fullmatch(text):
            return text
        quoted = json.dumps(text, ensure_ascii=False)
        return quoted[1:-1] if place is _JsonPlace.STRING else quoted


def _json_places(parts: Sequence[Piece]) -> Iterator[_JsonPlace]:
    """Yield where each piece of a JSON text is."""
    in_string = False
    for index, part in enumerate(parts):
        if isinstance(part, str):
            in_string ^= sum(quote == '"' for quote in _QUOTE.findall(part)) % 2 == 1
            yield _JsonPlace.LITERAL
        elif in_string:
            yield _JsonPlace.STRING
        else:
            following = parts[index + 1] if index + 1 < len(parts) else ""
            is_key = isinstance(following, str) and following.lstrip().startswith(":")
            yield _JsonPlace.KEY if is_key else _JsonPlace.VALUE
