"""The parameters of one DRWorkflow at one place of a plan: their values, and what is still to be read for them.

A value is determined only where it counts: what a higher layer replaces is never read. Reads go in rounds, because a
reference may use values of lower layers: `resolve` says what is missing, an activity reads it, and asks again.
Source: docs/spec/drplan.md, "Parameters".
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from api.params import ManifestRef
from planning.definitions.field_errors import FieldError
from planning.messages import fields as field_messages
from planning.values.declarations import ALIASES, RENDERED, is_of_type
from planning.values.placeholders import PlaceholderKind, TemplateError, Values, placeholders, render
from planning.values.precedence import Giver, given, giver
from planning.values.precedence import Layers as Layers
from planning.values.precedence import kept_layers as kept_layers
from planning.values.precedence import layers as layers
from planning.values.redaction import HIDDEN, scrubbed, secret_forms
from planning.values.value_from import Answers, ManifestRead, ParameterError, Unreadable, read_of, value_of


@dataclass(frozen=True)
class Resolved:
    """Parameters with their values, as far as they are known."""

    values: dict[str, str] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()
    """Names of those whose values are secret, and are kept nowhere."""
    errors: list[FieldError] = field(default_factory=list)
    reads: list[ManifestRead] = field(default_factory=list)
    """What is to be read before the rest can be known; empty when nothing is missing any more."""

    @property
    def shown(self) -> dict[str, str]:
        """The values for texts that people read."""
        return {name: HIDDEN if name in self.left_out else value for name, value in self.values.items()}


def reads(places: Iterable[Layers], answers: Answers) -> list[ManifestRead]:
    """Say what is to be read next for all places, each once; empty when nothing is missing any more."""
    return list(dict.fromkeys(read for place in places for read in resolve(place, answers).reads))


def resolve(of: Layers, answers: Answers) -> Resolved:
    """Determine the values, with what has been read so far. Without any answers: what is wrong before reading."""
    names, resolver = sorted(given(of)), _Resolver(of, answers)
    values = {name: value for name in names if (value := resolver.value(name)) is not None}
    secret = frozenset(name for name in names if (place := giver(of, name)) is not None and place.is_secret)
    errors = [*missing(of), *resolver.errors.values(), *_wrong_types(of, values, secret)]
    return Resolved(values, secret, errors, list(dict.fromkeys(resolver.reads)))


def missing(of: Layers) -> Iterator[FieldError]:
    """Find parameters that are required and have no value; the error stands where they are declared."""
    has_value = given(of)
    for layer in of.items:
        for index, item in enumerate(layer.parameters):
            if item.required and item.name not in has_value:
                message = field_messages.missing_parameter(item.name)
                yield FieldError(path=f"{layer.path}[{index}]", message=message, subject=layer.subject)


def _wrong_types(of: Layers, values: Mapping[str, str], secret: frozenset[str]) -> Iterator[FieldError]:
    """Find values that some layer declares to be of another type; the error stands where the value comes from."""
    for layer in of.items:
        for item in layer.parameters:
            text, place = values.get(item.name), giver(of, item.name)
            if text is not None and place is not None and not is_of_type(text, item.type):
                shown = None if item.name in secret else text
                yield place.error(field_messages.wrong_type(item.type, layer.subject, shown))


class _Resolver:
    """One pass over the layers, with what it found wrong and what it would have to read."""

    def __init__(self, of: Layers, answers: Answers) -> None:
        self._of = of
        self._answers = answers
        self._known: dict[tuple[int, int], str | None] = {}
        self._secret: list[str] = []
        self.errors: dict[tuple[int, int], FieldError] = {}
        self.reads: list[ManifestRead] = []

    def value(self, name: str, below: int | None = None) -> str | None:
        """Give a value; None where none is given, it is wrong, or something must be read first."""
        place = giver(self._of, name, below)
        if place is None:
            return None
        key = place.level, place.index
        if key not in self._known:
            self._known[key] = self._determined(place)
            if place.is_secret:
                self._secret.append(self._known[key] or "")
        return self._known[key]

    def _determined(self, place: Giver) -> str | None:
        if place.reference is None:
            return place.literal
        try:
            return self._read(place, place.reference)
        except ParameterError as error:
            # The name of an object may hold a secret value, and the API server repeat it.
            reason = scrubbed(error.reason, secret_forms(self._secret))
            self.errors[place.level, place.index] = place.error(reason, error.field)
            return None

    def _read(self, place: Giver, reference: ManifestRef) -> str | None:
        """Fill a reference in and evaluate it. Raises ParameterError."""
        filled = {name: self._filled(place.level, name, getattr(reference, name) or "") for name in RENDERED}
        if None in filled.values():
            return None
        reference = reference.model_copy(update=filled)
        read = read_of(reference)
        answer = self._answers.get(read)
        if answer is None:
            self.reads.append(read)
            return None
        if isinstance(answer, Unreadable):
            raise ParameterError(field_messages.unreadable(read.text, answer.reason))
        return value_of(reference, answer)

    def _filled(self, level: int, name: str, text: str) -> str | None:
        """Fill one field of a reference in, with values below a level. Raises ParameterError."""
        params = {each: self.value(each, level) for each in self._names(level, name, text)}
        known = {each: value for each, value in params.items() if value is not None}
        if len(known) < len(params):
            return None
        try:
            filled = render(text, Values(known, self._of.plan_name))
        except TemplateError as error:
            raise ParameterError(error.reason, ALIASES[name]) from None
        if text and not filled:  # an empty name would turn one object into all of its kind
            raise ParameterError(field_messages.FILLED_TO_NOTHING, ALIASES[name])
        return filled

    def _names(self, level: int, name: str, text: str) -> Iterator[str]:
        """Name the parameters that a field of a reference uses. Raises ParameterError for what it cannot use."""
        for each in placeholders(text):
            if each.kind is PlaceholderKind.OUTPUTS:
                raise ParameterError(field_messages.outputs_too_early(each.text), ALIASES[name])
            if each.kind is PlaceholderKind.PARAMS:
                if giver(self._of, each.name, level) is None:
                    raise ParameterError(field_messages.undefined_below(each.name), ALIASES[name])
                yield each.name
