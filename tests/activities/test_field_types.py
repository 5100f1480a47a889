"""The fields of numbers and booleans are those of the schema that the API server publishes for a Job."""

import json
from collections import defaultdict
from typing import Any

from dev.stack import Stack
from planning.values.field_types import BOOLEANS, MAPS, NUMBERS, name_below

Schema = dict[str, Any]
OF_CLUSTERNET = {
    "numbers": {"maxClusters", "minClusters"},
    "booleans": {
        *("atomic", "createNamespace", "disableHooks", "force", "overrideChart", "plainHTTP", "replace", "replaceCRDs"),
        *("schedulingBySubGroup", "skipCRDs", "upgradeAtomic", "wait", "waitForJob"),
    },
}


def test_the_names_are_those_of_a_job(stack: Stack) -> None:
    schemas = json.loads(stack.kubectl("get", "--raw", "/openapi/v3/apis/batch/v1").stdout)["components"]["schemas"]
    types: dict[str, set[str]] = defaultdict(set)
    maps: set[str] = set()

    def walk(schema: Schema, name: str, above: tuple[str, ...]) -> None:
        for part in schema.get("allOf", []):
            walk(part, name, above)
        if reference := schema.get("$ref"):
            title = reference.rpartition("/")[2]
            if title not in above:
                walk(schemas[title], name, (*above, title))
        elif "items" in schema:
            walk(schema["items"], name, above)
        elif "additionalProperties" in schema:
            maps.add(name)
        elif "properties" in schema:
            for field, below in schema["properties"].items():
                walk(below, name_below(name, field), above)
        elif "type" in schema or "oneOf" in schema:
            types[name].add(schema.get("type") or schema.get("format") or "string")

    walk(schemas["io.k8s.api.batch.v1.JobSpec"], "", ())
    kinds = {
        name: "number" if found & {"integer", "int-or-string"} else "".join(found) for name, found in types.items()
    }
    assert {name for name, kind in kinds.items() if kind == "number"} == NUMBERS - OF_CLUSTERNET["numbers"]
    assert {name for name, kind in kinds.items() if kind == "boolean"} == BOOLEANS - OF_CLUSTERNET["booleans"]
    assert maps == MAPS
    # A name is that of a text nowhere else.
    assert all(types[name] <= {"integer", "int-or-string"} for name in NUMBERS & types.keys())
    assert all(types[name] == {"boolean"} for name in BOOLEANS & types.keys())
    assert not (OF_CLUSTERNET["numbers"] | OF_CLUSTERNET["booleans"]) & types.keys()
