"""Which earlier action a later one needs: a table."""

import pytest

from api.objects import Target
from api.phases import Operation
from planning.preview.dependencies import Change, Changes, Dependency
from tests.planning.builders import config_map

NAMESPACE = Target(api_version="v1", kind="Namespace", name="shop")
WIDGETS = Target(
    api_version="apiextensions.k8s.io/v1", kind="CustomResourceDefinition", name="widgets.shop.example.com"
)
WIDGET = Target(api_version="shop.example.com/v1beta1", kind="Widget", name="one", namespace="shop")
GADGET = WIDGET.model_copy(update={"kind": "Gadget"})
ROLE = Target(api_version="rbac.authorization.k8s.io/v1", kind="RoleBinding", name="movers", namespace="shop")
ACCOUNT = Target(api_version="v1", kind="ServiceAccount", name="movers", namespace="shop")


def change(target: Target, operation: Operation = Operation.CREATE, defines: str = "") -> Change:
    return Change("earlier", operation, target, defines)


@pytest.mark.parametrize(
    ("earlier", "target", "on_object"),
    [
        (change(config_map("app")), config_map("app"), True),
        (change(config_map("app"), Operation.DELETE), config_map("app"), True),
        (change(config_map("app")), config_map("other"), None),
        (change(config_map("app")), config_map("app", "elsewhere"), None),
        (change(NAMESPACE), config_map("app", "shop"), False),
        (change(NAMESPACE, Operation.DELETE), config_map("app", "shop"), False),
        (change(NAMESPACE), config_map("app", "default"), None),
        (change(NAMESPACE), NAMESPACE, True),
        (change(WIDGETS, defines="Widget"), WIDGET, False),
        (change(WIDGETS, Operation.DELETE), WIDGET, False),
        (change(WIDGETS, defines="Widget"), GADGET, None),
        (change(WIDGETS, defines="Widget"), config_map("app", "shop"), None),
    ],
)
def test_an_action_needs_what_brings_its_object_its_namespace_or_its_kind(
    earlier: Change, target: Target, on_object: bool | None
) -> None:
    expected = None if on_object is None else Dependency("earlier", on_object)
    assert Changes([earlier]).dependency(target) == expected


def test_a_version_that_is_another_one_is_the_same_object() -> None:
    other = WIDGET.model_copy(update={"api_version": "shop.example.com/v1"})
    assert Changes([change(other)]).dependency(WIDGET) == Dependency("earlier", on_object=True)


def test_the_last_of_several_decides() -> None:
    changes = Changes(
        [
            Change("makes-namespace", Operation.CREATE, NAMESPACE),
            Change("makes-app", Operation.CREATE, config_map("app", "shop")),
        ]
    )
    assert changes.dependency(config_map("app", "shop")) == Dependency("makes-app", on_object=True)
    assert changes.dependency(config_map("new", "shop")) == Dependency("makes-namespace", on_object=False)


@pytest.mark.parametrize(
    ("earlier", "grants"),
    [
        (change(ROLE), True),
        (change(ROLE, Operation.PATCH), True),
        (change(ACCOUNT), True),
        (change(ROLE, Operation.DELETE), False),
        (change(NAMESPACE), False),
    ],
)
def test_rights_may_come_from_an_earlier_action(earlier: Change, grants: bool) -> None:
    assert Changes([earlier]).granting == ("earlier" if grants else None)
