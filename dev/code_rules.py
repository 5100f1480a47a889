"""Rules for the shipped code that no linter checks: `python -m dev.code_rules`, part of `make lint`.

No module has state that changes: a worker runs many executions in one process, and workflow code is replayed in it.
No function reads a message: it is for people, and decisions use reasons and facts.
Source: docs/architecture.md, "Packages"; docs/decisions/0015-decisions-rest-on-reasons.md.
"""

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from dev.layout import REPOSITORY

CHANGING_METHODS = frozenset(
    {"add", "append", "clear", "discard", "extend", "insert", "pop", "popitem", "remove", "setdefault", "update"}
)
"""Methods of lists, dicts and sets that change them."""

READING_METHODS = frozenset(
    {"count", "endswith", "find", "index", "partition", "removeprefix", "removesuffix", "rfind", "rindex", "rpartition"}
    | {"rsplit", "split", "splitlines", "startswith"}
)
"""Methods of a text that read something out of it."""
PATTERN_FUNCTIONS = frozenset({"findall", "finditer", "fullmatch", "match", "search"})
READERS = frozenset({"planning/revert/older_records.py"})
"""Records of version 0.1 have no reasons: there, and only there, they are derived from messages."""


def shipped_modules() -> Iterator[Path]:
    """Yield the modules of the packages that the import contracts list."""
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    for package in settings["tool"]["importlinter"]["root_packages"]:
        yield from sorted((REPOSITORY / package).rglob("*.py"))


def changed_state(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and name of every change to a value of the module itself, made in one of its functions."""
    names = set(_module_names(tree))
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        own = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        own |= {argument.arg for argument in ast.walk(function) if isinstance(argument, ast.arg)}
        for node in ast.walk(function):
            if isinstance(node, ast.Global):
                yield from ((node.lineno, name) for name in node.names)
            elif isinstance(node, ast.expr) and (name := _changed(node)) in names - own:
                yield node.lineno, name


def _module_names(tree: ast.Module) -> Iterator[str]:
    """Yield the names that the module assigns at its top level."""
    for statement in tree.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        targets = [statement.target] if isinstance(statement, ast.AnnAssign) else targets
        yield from (target.id for target in targets if isinstance(target, ast.Name))


def _changed(node: ast.expr) -> str:
    """Return the name of the value that a node changes in place; empty for any other node."""
    if isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
        return _name(node.value)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGING_METHODS:
        return _name(node.func.value)
    return ""


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def read_messages(tree: ast.Module) -> Iterator[int]:
    """Yield the line of every expression that reads a message, or the text of an error, to decide with."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            read = _compares_message(node)
        else:
            read = isinstance(node, ast.Call) and _calls_with_message(node)
        if read and isinstance(node, ast.expr):
            yield node.lineno


def _calls_with_message(node: ast.Call) -> bool:
    """Return whether a call reads something out of a message: by a method, a pattern, or a question `is_…`."""
    if isinstance(node.func, ast.Name):
        return node.func.id.startswith("is_") and any(map(_is_message, node.args))
    if not isinstance(node.func, ast.Attribute):
        return False
    method, owner = node.func.attr, node.func.value
    if method in READING_METHODS:
        return _is_message(owner)
    asks = method in PATTERN_FUNCTIONS or method.startswith("is_")
    return asks and any(map(_is_message, [owner, *node.args]))


def _compares_message(node: ast.Compare) -> bool:
    """Return whether a message is searched for a part, or compared with a given text; an empty one may be."""
    if any(isinstance(operator, ast.In | ast.NotIn) for operator in node.ops):
        return any(map(_is_message, node.comparators)) or _is_message(node.left)
    sides = [node.left, *node.comparators]
    constants = [
        side for side in sides if isinstance(side, ast.Constant) and isinstance(side.value, str) and side.value
    ]
    named = [side for side in sides if isinstance(side, ast.Name | ast.Attribute) and _last_name(side).isupper()]
    return any(map(_is_message, sides)) and bool(constants or named)


def _is_message(node: ast.expr) -> bool:
    """Return whether an expression is a message by its name, a part of one, or the text of an error."""
    if isinstance(node, ast.Subscript):
        return _is_message(node.value)
    if isinstance(node, ast.BoolOp):
        return any(map(_is_message, node.values))
    if isinstance(node, ast.Call):
        text_of_error = isinstance(node.func, ast.Name) and node.func.id == "str" and bool(node.args)
        same_text = isinstance(node.func, ast.Attribute) and node.func.attr in {"casefold", "lower", "strip", "upper"}
        if text_of_error:
            return _last_name(node.args[0]) in {"cause", "error", "exception"}
        return same_text and isinstance(node.func, ast.Attribute) and _is_message(node.func.value)
    return _last_name(node).endswith(("message", "sentence"))


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else _name(node)


def violations(path: Path) -> Iterator[str]:
    """Yield what is wrong in one module, a line each."""
    tree, file = ast.parse(path.read_text()), path.relative_to(REPOSITORY).as_posix()
    for line, name in changed_state(tree):
        yield f"{file}:{line}: a function changes the module's `{name}`; pass a value instead"
    if file not in READERS:
        for line in read_messages(tree):
            yield f"{file}:{line}: a message is read; decide by a reason or a fact instead"


def main() -> int:
    """Print every violation; return 1 if there is one."""
    found = [violation for path in shipped_modules() for violation in violations(path)]
    print("\n".join(found) or "No module has state that changes, and no function reads a message.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
