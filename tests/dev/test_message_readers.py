"""A function that decides by a message is found, in the shipped code too."""

from pathlib import Path

import pytest

from dev.code_rules import ALLOWED, readers
from tests.shipped import PACKAGES, REPOSITORY


def modules() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (REPOSITORY / package).rglob("*.py"))


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_no_function_reads_a_message(path: Path) -> None:
    name = str(path.relative_to(REPOSITORY))
    found = {function for function, _ in readers(path.read_text())} - {one for file, one in ALLOWED if file == name}
    assert not found, "decide by a reason or a fact instead"


def test_what_is_allowed_is_needed() -> None:
    found = {(file, function) for file, _ in ALLOWED for function, _ in readers((REPOSITORY / file).read_text())}
    assert found == ALLOWED


@pytest.mark.parametrize(
    "line",
    [
        "return action.message.startswith('Already')",
        "return (action.message or '').removeprefix('Already ')",
        "return message.split(', ')",
        "return message.partition('/')[0]",
        "return 'absent' in message",
        "return node.message == 'Not attempted: canceled'",
        "return re.search('rolled back', status.message)",
        "return _PATTERN.fullmatch(error_message)",
        "return is_already_absent(action.message)",
        "return message[:5]",
        "return str(action.message).lower()",
        "try:\n        pass\n    except ValueError as error:\n        return 'not found' in str(error)",
        "match message:\n        case 'a':\n            return 1",
    ],
)
def test_the_check_finds(line: str) -> None:
    assert list(readers(f"def decide(action, message, error_message):\n    {line}\n"))


@pytest.mark.parametrize(
    "line",
    [
        "return f'{message}; and more'",
        "return None if message is None else message",
        "return action.reason is Reason.ALREADY_ABSENT",
        "return action.model_copy(update={'message': bounded(action.message)})",
        "return text.startswith('kind')",
        "raise ValueError(str(error))",
    ],
)
def test_the_check_passes(line: str) -> None:
    assert not list(readers(f"def decide(action, message, text, error):\n    {line}\n"))


def test_an_error_that_is_handed_over_is_found() -> None:
    assert list(readers("def refused(error: EngineUnreachable | ApiError) -> bool:\n    return 'x' in str(error)\n"))
