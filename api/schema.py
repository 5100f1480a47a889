"""A pydantic model as the structural OpenAPI schema that a CRD needs.

Structural means: no references, no unions, nothing but the keywords that an API server knows. It does
not know what the models mean. Source: Kubernetes docs, "Extend the Kubernetes API with
CustomResourceDefinitions", section "Specifying a structural schema".
"""

from typing import Any

from api.meta import Model

Schema = dict[str, Any]

ADDITIVE = "Additive. "
"""Beginning of the docstring of a field that the CRDs of older installations lack."""

_KEYWORDS = (
    "description",
    "type",
    "format",
    "enum",
    "default",
    "minimum",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "required",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-map-type",
    "x-kubernetes-preserve-unknown-fields",
)
"""Keywords that are kept, in reading order; pydantic's others (title, const) are not."""


def structural_schema(model: type[Model], *, defaults: bool) -> Schema:
    """Return a model's schema, with its fields in the order of their definition.

    Without `defaults` none is written: a default in a status would add claims to stored records.
    """
    document = model.model_json_schema(by_alias=True)
    return _structural(document, document.get("$defs", {}), defaults)


def _structural(node: Schema, definitions: Schema, defaults: bool) -> Schema:
    flat = flatten(node, definitions)
    schema = {keyword: flat[keyword] for keyword in _KEYWORDS if keyword in flat}
    if "description" in schema:
        schema["description"] = " ".join(schema["description"].split())
    if not defaults or schema.get("default") is None:
        schema.pop("default", None)
    if "items" in flat:
        schema["items"] = _structural(flat["items"], definitions, defaults)
    if "properties" in flat:
        fields = flat["properties"].items()
        schema["properties"] = {name: _structural(field, definitions, defaults) for name, field in fields}
    if isinstance(flat.get("additionalProperties"), dict):
        schema["additionalProperties"] = _structural(flat["additionalProperties"], definitions, defaults)
    return schema


def flatten(node: Schema, definitions: Schema) -> Schema:
    """Replace a node by the target of its reference, or by the one real member of its optional union.

    Keywords beside the reference take precedence: a field's own description over that of its type. `null` is
    dropped without `nullable`: the API server then prunes a null, which is what an absent field means here.
    """
    beside = {key: value for key, value in node.items() if key not in ("$ref", "anyOf")}
    if "$ref" in node:
        return flatten(definitions[node["$ref"].rpartition("/")[2]], definitions) | beside
    if "anyOf" in node:
        (member,) = [member for member in node["anyOf"] if member != {"type": "null"}]
        return flatten(member, definitions) | beside
    return node


def unmarked(schema: Schema) -> Schema:
    """Return the schema without the mark of additive fields, which is not for `kubectl explain`."""
    marks = {"description": schema["description"].removeprefix(ADDITIVE)} if "description" in schema else {}
    fields = schema.get("properties", {}).items()
    below = {"properties": {name: unmarked(field) for name, field in fields}} if fields else {}
    return schema | marks | below | ({"items": unmarked(schema["items"])} if "items" in schema else {})
