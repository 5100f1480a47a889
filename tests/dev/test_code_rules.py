"""The rules of the shipped code: each finds a violation that is made on purpose, and the code has none."""

import ast

import pytest

from dev.code_rules import changed_state, main, read_messages

VIOLATIONS = {
    "a global name": "count = 0\ndef f():\n    global count\n    count += 1\n",
    "an entry of a dict": "SEEN = {}\ndef f(key):\n    SEEN[key] = 1\n",
    "an appended item": "LOG: list[str] = []\nasync def f(text):\n    LOG.append(text)\n",
    "a deleted entry": "SEEN = {}\nclass C:\n    def f(self, key):\n        del SEEN[key]\n",
    "an attribute": "STATE = object()\ndef f():\n    STATE.busy = True\n",
    "a lambda": "LOG = []\nnote = lambda text: LOG.append(text)\n",
}
ALLOWED = {
    "a table that is read": "TABLE = {1: 2}\ndef f(key):\n    return TABLE[key]\n",
    "a local list of that name": "items = []\ndef f():\n    items = []\n    items.append(1)\n    return items\n",
    "an argument of that name": "items = []\ndef f(items):\n    items.append(1)\n",
    "a table that the module itself fills": "TABLE = {}\nfor n in range(3):\n    TABLE[n] = n\n",
}


@pytest.mark.parametrize("case", VIOLATIONS)
def test_a_change_of_module_state_is_found(case: str) -> None:
    assert list(changed_state(ast.parse(VIOLATIONS[case])))


@pytest.mark.parametrize("case", ALLOWED)
def test_anything_else_is_allowed(case: str) -> None:
    assert list(changed_state(ast.parse(ALLOWED[case]))) == []


READERS = {
    "a beginning": 'def f(message):\n    return message.startswith("Already")\n',
    "a prefix": 'def f(action):\n    return action.message.removeprefix("Already ").split(", ")\n',
    "a part": 'def f(action):\n    return "absent" in action.message\n',
    "a part of what may be empty": 'def f(action):\n    return "absent" in (action.message or "")\n',
    "an equal text": 'def f(action):\n    return action.message == "Canceled"\n',
    "a constant": "def f(message):\n    return message == NOT_ATTEMPTED\n",
    "one of several": "def f(message):\n    return message in (ONE, OTHER)\n",
    "a pattern": 'import re\ndef f(message):\n    return re.search("by (.*)", message)\n',
    "a compiled pattern": "def f(last_message):\n    return NAME.fullmatch(last_message)\n",
    "a question": "def f(action):\n    return is_absent(action.message)\n",
    "the text of an error": 'def f(error):\n    return "not found" in str(error).lower()\n',
    "a beginning of it": 'def f(action):\n    return action.message[:7] == "Already"\n',
}
WRITERS = {
    "a message that is made": 'def f(name):\n    message = f"Deleted {name}"\n    return message\n',
    "a message that is there": "def f(action):\n    return action.message or action.message is None\n",
    "a message that changed": "def f(old, new):\n    return old.message != new.message\n",
    "an empty one": 'def f(message):\n    return message == ""\n',
    "another text": 'def f(path):\n    return path.startswith("/")\n',
}


@pytest.mark.parametrize("case", READERS)
def test_a_reader_of_a_message_is_found(case: str) -> None:
    assert list(read_messages(ast.parse(READERS[case])))


@pytest.mark.parametrize("case", WRITERS)
def test_a_message_may_be_written_and_passed_on(case: str) -> None:
    assert list(read_messages(ast.parse(WRITERS[case]))) == []


def test_the_shipped_code_keeps_the_rules(capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 0, capsys.readouterr().out
