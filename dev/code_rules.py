"""Rules for the shipped code that no linter checks: `python -m dev.code_rules`, part of `make lint`.

No module has state that changes: a worker runs many executions in one process, and workflow code is replayed in it.
No function reads a message: it is for people, and decisions use reasons and facts.
No module is longer than a reader has patience for.
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
MOST_LINES = 400
"""Of a module. One that is longer holds more than one thing that a person would look for."""
ALLOWED = {
    ("planning/revert/older_records.py", "_with_reason"),
    ("kube/errors.py", "fits"),
    ("kube/errors.py", "without_dry_run"),
}
"""The functions that read messages which are not ours: those of records that older releases wrote, and those in which
alone the API server tells whether something may pass."""
READING = {
    *("startswith", "endswith", "removeprefix", "removesuffix", "split", "rsplit", "splitlines", "partition"),
    *("rpartition", "find", "rfind", "index", "rindex", "count", "lower", "upper", "casefold", "strip", "lstrip"),
    *("rstrip", "isdecimal", "isdigit"),
}
"""Methods of a text whose result tells what is in it."""
MATCHING = frozenset({"search", "match", "fullmatch", "findall", "finditer", "split"})
"""Methods of a pattern, and functions of `re`, that take a text."""


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


def violations(path: Path) -> Iterator[str]:
    """Yield what is wrong in one module, a line each."""
    source, file = path.read_text(), path.relative_to(REPOSITORY).as_posix()
    if (excess := lines_too_many(source)) > 0:
        yield f"{file}: {excess} lines over {MOST_LINES}; divide it by what a reader looks for"
    for line, name in changed_state(ast.parse(source)):
        yield f"{file}:{line}: a function changes the module's `{name}`; pass a value instead"
    for function, line in readers(source):
        if (file, function) not in ALLOWED:
            yield f"{file}:{line}: {function} reads a message; decide by a reason or a fact instead"


def lines_too_many(source: str) -> int:
    """Return by how many lines a module is too long; zero or less where it is not."""
    return len(source.splitlines()) - MOST_LINES


def main() -> int:
    """Print every violation; return 1 if there is one."""
    found = [violation for path in shipped_modules() for violation in violations(path)]
    print("\n".join(found) or "No module is too long or has state that changes, and no function reads a message.")
    return 1 if found else 0


def is_message(node: ast.expr, errors: frozenset[str]) -> bool:
    """Return whether an expression is a message, a part of one, or the text of an exception."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in {"message", "messages"} or name.endswith(("_message", "_messages_of"))
        case ast.Call(func=ast.Name(id="str"), args=[ast.Name(id=name)]):
            return name in errors
        case ast.Call(func=ast.Name(id="str"), args=[inner]):
            return is_message(inner, errors)
        case ast.Call(func=ast.Attribute(value=inner, attr=attr)) if attr in READING:
            return is_message(inner, errors)
        case ast.Subscript(value=inner):
            return is_message(inner, errors)
        case ast.BoolOp(values=values):
            return any(is_message(value, errors) for value in values)
    return False


def reads(node: ast.AST, errors: frozenset[str]) -> bool:
    """Return whether a node takes something out of a message to decide with."""
    match node:
        case ast.Call(func=ast.Attribute(value=text, attr=attr), args=args):
            return (attr in READING and is_message(text, errors)) or (
                attr in MATCHING and any(is_message(one, errors) for one in args)
            )
        case ast.Call(func=ast.Name(id=name), args=args):
            return name.startswith("is_") and any(is_message(one, errors) for one in args)
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            if all(isinstance(op, ast.Is | ast.IsNot) for op in ops):
                return False
            return any(is_message(one, errors) for one in [left, *comparators])
        case ast.Match(subject=subject):
            return is_message(subject, errors)
        case ast.Subscript(value=text, slice=ast.Slice()):
            return is_message(text, errors)
    return False


def readers(source: str) -> Iterator[tuple[str, int]]:
    """Return the functions of a module that read a message, each with the line."""
    tree = ast.parse(source)
    errors = frozenset(one.name for one in ast.walk(tree) if isinstance(one, ast.ExceptHandler) and one.name)
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            exceptions = errors | {
                argument.arg
                for argument in function.args.args
                if argument.annotation is not None and ast.unparse(argument.annotation).endswith(("Error", "Exception"))
            }
            for node in ast.walk(function):
                if reads(node, exceptions):
                    yield function.name, getattr(node, "lineno", function.lineno)


if __name__ == "__main__":
    sys.exit(main())
