"""What the random sequences have found, each with as few steps as show it."""

import asyncio

from tests.eventually import eventually
from tests.manifests import dr_plan, dr_workflow, execute, makes_config_map, stage
from tests.stateful.api_server import Place
from tests.stateful.claims import Claims
from tests.stateful.installation import NAMESPACE, Engine, Installation, target

_PLAN, _PREVIEW = Place("DRPlan", NAMESPACE, "plan"), Place("DRPlanExecution", NAMESPACE, "preview")


def test_a_plan_that_is_validated_while_a_preview_runs_is_not_locked_by_it(temporal: Engine) -> None:
    installation = Installation.in_memory(temporal.client, temporal.runs)
    installation.server.on_change = Claims(installation).note
    temporal.run(asyncio.wait_for(_validated_meanwhile(installation), 60))


async def _validated_meanwhile(installation: Installation) -> None:
    objects = installation.server.objects
    await installation.start(worker=False)
    installation.create("DRWorkflow", dr_workflow("w", makes_config_map("a", NAMESPACE)))
    installation.create("DRPlan", dr_plan("plan", stage("s", NAMESPACE, "w")))
    installation.create("DRPlanExecution", execute("preview", "plan", dryRun=True))

    async def runs() -> bool:
        return bool(objects[_PREVIEW].get("status", {}).get("engine"))

    async def is_validated() -> bool:
        return bool(objects[_PLAN]["status"].get("observedGeneration") == 2)

    await eventually(runs, "the preview has a run, which no worker carries out")
    installation.server.by_person("PATCH", target("DRPlan", "plan"), {"spec": {"failurePolicy": "Continue"}})
    await eventually(is_validated, "the changed plan is validated")
    assert "currentExecution" not in objects[_PLAN]["status"]
    await installation.stop()
