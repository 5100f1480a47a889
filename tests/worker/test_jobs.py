"""Job actions by real workers on real Temporal: killed again and again while they wait, the Job runs once."""

import asyncio
from pathlib import Path

from api.phases import Phase
from tests.activities.site import Site
from tests.fake_kubelet import succeeds, template
from tests.process.running_process import worker
from tests.worker.one_action import begin, environment, says, the_action


async def test_a_job_whose_workers_are_killed_while_they_wait_runs_once(site: Site, tmp_path: Path) -> None:
    job = {"namespace": site.namespace, "template": template(name=None)}
    definition = {"name": "backup", "type": "Job", "job": job, "retryPolicy": {"limit": 0}}
    run = await begin(site, "uid-of-execution/sites/flow/backup", definition)
    for name in ("first", "second"):
        with worker(tmp_path / name, environment(site)) as process:
            await says(run, "to finish: 0 of 1 completion")
            await asyncio.to_thread(process.kill)
    [job_name] = site.kubectl("get", "jobs", "-o", "name").split()
    uid = site.uid("job", job_name.partition("/")[2])
    with worker(tmp_path / "third", environment(site)):
        await succeeds(site, job_name.partition("/")[2])
        action = await the_action(run)
    assert (action.phase, action.created) == (Phase.SUCCEEDED, True)
    assert action.outputs is not None
    assert action.outputs.job_ref is not None
    assert action.outputs.job_ref.uid == uid
    assert site.kubectl("get", "jobs", "-o", "name").split() == [job_name]
