"""Job actions by real workers on real Temporal: killed again and again while they wait, the Job runs once."""

import asyncio
from pathlib import Path

from api.phases import Phase
from tests.activities.live_namespace import LiveNamespace
from tests.fake_kubelet import succeeds, template
from tests.programs import believing_worker
from tests.worker.one_action import begin, environment, says, the_action


async def test_a_job_whose_workers_are_killed_while_they_wait_runs_once(ns: LiveNamespace, tmp_path: Path) -> None:
    job = {"namespace": ns.namespace, "template": template(name=None)}
    definition = {"name": "backup", "type": "Job", "job": job, "retryPolicy": {"limit": 0}}
    run = await begin(ns, "uid-of-execution/sites/flow/backup", definition)
    for name in ("first", "second"):
        with believing_worker(tmp_path / name, environment(ns)) as process:
            await says(run, "to finish: 0 of 1 completion")
            await asyncio.to_thread(process.kill)
    [job_name] = ns.kubectl("get", "jobs", "-o", "name").split()
    uid = ns.uid("job", job_name.partition("/")[2])
    with believing_worker(tmp_path / "third", environment(ns)):
        await succeeds(ns, job_name.partition("/")[2])
        action = await the_action(run)
    assert (action.phase, action.created) == (Phase.SUCCEEDED, True)
    assert action.outputs is not None
    assert action.outputs.job_ref is not None
    assert action.outputs.job_ref.uid == uid
    assert ns.kubectl("get", "jobs", "-o", "name").split() == [job_name]
