"""Values from live objects: what is to be read for a `valueFrom`, and which value the answer holds.

Nothing here reads: an activity does, and hands the objects back. Source: docs/spec/drplan.md, "Parameters".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.params import ManifestRef, Select
from planning.messages import parameters as parameter_messages
from planning.values import jsonpath

Object = Mapping[str, Any]
"""A live object as JSON."""


class ParameterError(ValueError):
    """A value cannot be determined; the message says why and what to do."""

    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.field = field
        """Field of the `manifestRef` that is to blame; empty where it is no single one."""


@dataclass(frozen=True)
class ManifestRead:
    """Objects to read: the one of a name (none, where there is none), else all that have the labels.

    Without a namespace: the name's in `default` where the kind is namespaced; the labels' in all namespaces.
    """

    api_version: str
    kind: str
    namespace: str | None = None
    name: str | None = None
    label_selector: str | None = None

    @property
    def text(self) -> str:
        """What it is about, for people: `Job default/migrate`, `Job in default with labels app=web`."""
        if self.name:
            return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{self.kind}{where} with labels {self.label_selector}" if self.label_selector else self.kind + where


@dataclass(frozen=True)
class UnreadableManifest:
    """A read that failed, with the API server's reason."""

    reason: str


@dataclass(frozen=True)
class Matches:
    """The objects that a read found; of many only those that a `select` may pick, so that few are kept."""

    objects: Sequence[Object] = ()
    number: int = 0
    """How many there were."""

    def with_more(self, objects: Sequence[Object]) -> "Matches":
        """Return these matches and more."""
        together = [*self.objects, *objects]
        chosen = [] if not together else [_pick(select, together) for select in (Select.FIRST, Select.LAST, Select.ANY)]
        distinct = [each for place, each in enumerate(chosen) if each not in chosen[:place]]
        return Matches(distinct, self.number + len(objects))


Answers = Mapping[ManifestRead, Matches | UnreadableManifest]
"""What has been read so far."""


def read_of(ref: ManifestRef) -> ManifestRead:
    """Return what is to be read for a reference whose placeholders are filled in."""
    return ManifestRead(
        api_version=ref.api_version,
        kind=ref.kind,
        namespace=ref.namespace or None,
        name=ref.name or None,
        label_selector=None if ref.name else ref.label_selector or None,
    )


def value_of(ref: ManifestRef, matches: Matches, budget: jsonpath.Budget | None = None) -> str:
    """Return the value that a reference asks for, from what was read for it.

    Raises ParameterError when no object or no value is there, or several objects where one is wanted.
    """
    if not matches.number:
        raise ParameterError(parameter_messages.nothing_to_read(read_of(ref).text))
    if ref.select is Select.SINGLE and matches.number > 1:
        raise ParameterError(parameter_messages.several_to_read(read_of(ref).text, matches.number), "select")
    selected = _pick(ref.select, matches.objects)
    try:
        return jsonpath.find(ref.json_path, selected, budget)
    except jsonpath.PathError as error:
        raise ParameterError(str(error), "jsonPath") from None
    except jsonpath.NothingFoundError:
        name, namespace = _name(selected)
        where = f"{ref.kind} {namespace}/{name}" if namespace else f"{ref.kind} {name}"
        raise ParameterError(parameter_messages.path_finds_nothing(ref.json_path, where), "jsonPath") from None


def _pick(select: Select, objects: Sequence[Object]) -> Object:
    """Pick one of several; times that are equal are told apart by name."""
    match select:
        case Select.FIRST:
            return min(objects, key=_age)
        case Select.LAST:
            return max(objects, key=_age)
        case Select.ANY | Select.SINGLE:
            return min(objects, key=_name)


def _name(value: Object) -> tuple[str, str]:
    metadata = value.get("metadata") or {}
    return metadata.get("name") or "", metadata.get("namespace") or ""


def _age(value: Object) -> tuple[str, tuple[str, str]]:
    # Kubernetes writes times in one form, in UTC: as texts they sort as they follow each other.
    return (value.get("metadata") or {}).get("creationTimestamp") or "", _name(value)
