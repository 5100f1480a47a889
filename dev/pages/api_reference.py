"""docs/api.md: every field of the three kinds with its type and its bounds, from the definitions that `make crds` writes."""

import json
from collections.abc import Iterator

from api.crds import KINDS, Kind, crd
from api.meta import API_VERSION
from api.schema import Schema
from dev.pages.markdown import GENERATED, slug, table

_INTRODUCTION = f"""# API reference

The three kinds of `{API_VERSION}`, field by field: one table for each object, in the order of the definitions. `kubectl explain drplan.spec.stages`
prints the same from a cluster. What the fields do, with examples: [DRPlan](spec/drplan.md), [DRWorkflow](spec/drworkflow.md) and
[DRPlanExecution](spec/drplanexecution.md). Values, reasons and messages of a status are explained there, too.

"""
_BOUNDS = {
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} entries",
    "maxItems": "at most {} entries",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "pattern": "matches `{}`",
    "format": "format `{}`",
}


def page() -> str:
    """Return the page."""
    head = ("kind", "plural", "short name", "spec can be changed")
    kinds = [
        (
            f"[{kind.name}](#{slug(kind.name)})",
            f"`{kind.plural}`",
            f"`{kind.short_name}`",
            "no" * kind.frozen_spec or "yes",
        )
        for kind in KINDS
    ]
    parts = [GENERATED.format(source="the models in api/"), _INTRODUCTION, table(head, kinds), *map(_kind, KINDS)]
    return "".join(parts)


def _kind(kind: Kind) -> str:
    version = crd(kind)["spec"]["versions"][0]
    schema = version["schema"]["openAPIV3Schema"]
    columns = [
        (f"`{each.name}`", f"`{each.path}`", "only with `--output wide`" if each.wide else "") for each in kind.columns
    ]
    text = f"\n## {kind.name}\n\n{schema.get('description', '')}\n\n"
    text += "Columns of `kubectl get`:\n\n" + table(("column", "value", ""), columns)
    return text + "".join(
        _objects(kind.name, "", {"properties": {k: schema["properties"][k] for k in ("spec", "status")}})
    )


def _objects(kind: str, path: str, node: Schema) -> Iterator[str]:
    """Yield a section for each object below a node, outer ones first."""
    for name, field in node["properties"].items():
        inner, brackets = _innermost(field)
        if "properties" not in inner:
            continue
        below = f"{path}{name}{brackets}"
        description = f"\n{inner['description']}\n" if inner.get("description") else ""
        required = inner.get("required", [])
        rows = [
            (f"`{key}`", _type(kind, f"{below}.{key}", value), _bounds(value, key in required), _meaning(value))
            for key, value in inner["properties"].items()
        ]
        yield f"\n### {_heading(kind, below)}\n{description}\n" + table(("field", "type", "bounds", "meaning"), rows)
        yield from _objects(kind, f"{below}.", inner)


def _heading(kind: str, path: str) -> str:
    return f"{kind}: {path}"


def _innermost(field: Schema) -> tuple[Schema, str]:
    if field.get("type") != "array":
        return field, ""
    inner, brackets = _innermost(field["items"])
    return inner, brackets + "[]"


def _type(kind: str, path: str, field: Schema) -> str:
    inner, brackets = _innermost(field)
    lists = "list of " * (len(brackets) // 2)
    if "properties" in inner:
        return f"{lists}[object](#{slug(_heading(kind, path + brackets))})"
    if "enum" in inner:
        return lists + ", ".join(f"`{value or json.dumps(value)}`" for value in inner["enum"])
    if inner.get("x-kubernetes-preserve-unknown-fields"):
        return f"{lists}open object"
    if "additionalProperties" in inner:
        return f"{lists}map of strings"
    return lists + str(inner["type"])


def _bounds(field: Schema, required: bool) -> str:
    inner, _ = _innermost(field)
    bounds = ["required"] if required else []
    if field.get("default") is not None:
        bounds.append(f"default `{json.dumps(field['default'])}`")
    for each in [field] if inner is field else [field, inner]:
        bounds += [text.format(each[keyword]) for keyword, text in _BOUNDS.items() if keyword in each]
    if keys := field.get("x-kubernetes-list-map-keys"):
        bounds.append("unique by " + ", ".join(f"`{key}`" for key in keys))
    return "; ".join(bounds)


def _meaning(field: Schema) -> str:
    return str(field.get("description", ""))
