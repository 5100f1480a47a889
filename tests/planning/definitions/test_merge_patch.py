"""Which lists a merge patch replaces, and what is lost with them."""

from typing import Any

import pytest

from planning.definitions.merge_patch import lists_in, lost, takes_strategic, value_at

CONTAINERS: list[dict[str, Any]] = [
    {"name": "app", "image": "app:1", "env": [{"name": "DB"}, {"name": "ZONE"}], "resources": {"limits": {"cpu": 1}}},
    {"name": "sidecar"},
]


def spec(*containers: dict[str, Any]) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": list(containers)}}}}


@pytest.mark.parametrize(
    ("containers", "paths"),
    [
        (CONTAINERS, []),
        ([{"name": "app", "image": "app:2"}], ["[app].env", "[app].resources", "[sidecar]"]),
        ([CONTAINERS[0] | {"env": [{"name": "DB"}]}, {"name": "sidecar"}], ["[app].env[ZONE]"]),
        ([CONTAINERS[0] | {"resources": {"limits": {}}}, {"name": "sidecar"}], ["[app].resources.limits.cpu"]),
        ([], ["[app]", "[sidecar]"]),
    ],
)
def test_what_a_merge_patch_loses_is_named_by_its_path(containers: list[dict[str, Any]], paths: list[str]) -> None:
    patch = spec(*containers)
    expected = [f"spec.template.spec.containers{path}" for path in paths]
    assert [*lost(patch, spec(*CONTAINERS), patch)] == expected


def test_defaults_that_come_back_are_not_lost() -> None:
    before, patch = spec({"name": "a", "policy": "Always"}), spec({"name": "a"})
    assert [*lost(patch, before, before)] == []


def test_only_lists_that_the_patch_names_are_compared() -> None:
    before = {"spec": {"ports": [{"port": 80}, {"port": 443}], "other": [{"name": "x"}]}}
    patch = {"spec": {"ports": [{"port": 80}]}}
    assert [*lost(patch, before, {"spec": {"ports": [{"port": 80}]}})] == ["spec.ports[443]"]
    assert [*lost({"spec": {"ports": None}}, before, {"spec": {}})] == []


@pytest.mark.parametrize("value", [[], ["a"], [{"a": {}}], [{"name": "a"}, {}], [{"name": "a"}, "b"], "text", None])
def test_a_list_without_names_is_not_told_of(value: object) -> None:
    assert [*lists_in({"spec": {"list": value}})] == []


def test_lists_of_named_items_are_found_with_their_paths() -> None:
    patch = spec({"name": "app", "env": [{"name": "A"}]})
    assert [path for path, _ in lists_in(patch)] == ["spec.template.spec.containers"]
    assert value_at(patch, "spec.template.spec.containers") == patch["spec"]["template"]["spec"]["containers"]
    assert value_at(patch, "spec.nothing.here") is None


@pytest.mark.parametrize(
    ("api_version", "strategic"),
    [
        ("v1", True),
        ("apps/v1", True),
        ("networking.k8s.io/v1", True),
        ("gateway.networking.k8s.io/v1", False),
        ("a.b/v1", False),
    ],
)
def test_strategic_merge_patches_are_for_built_in_kinds(api_version: str, strategic: bool) -> None:
    assert takes_strategic(api_version) is strategic
