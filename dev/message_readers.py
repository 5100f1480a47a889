"""Finds functions that decide by a message: reasons and facts are for programs, sentences for people.

Source: docs/decisions/0015-decisions-rest-on-reasons.md.
"""

import ast
from collections.abc import Iterator

ALLOWED = {
    ("planning/revert/older_records.py", "_with_reason"),
}
"""The one function that reads messages: those of records that older releases wrote."""

READING = {
    *("startswith", "endswith", "removeprefix", "removesuffix", "split", "rsplit", "splitlines", "partition"),
    *("rpartition", "find", "rfind", "index", "rindex", "count", "lower", "upper", "casefold", "strip", "lstrip"),
    *("rstrip", "isdecimal", "isdigit"),
}
"""Methods of a text whose result tells what is in it."""
MATCHING = frozenset({"search", "match", "fullmatch", "findall", "finditer", "split"})
"""Methods of a pattern, and functions of `re`, that take a text."""


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
