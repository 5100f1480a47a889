"""deploy/compose/register.sh makes a fresh Temporal ready, and leaves one that is ready alone."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from workflows.contract import SearchAttribute

SCRIPT = Path(__file__).parents[2] / "deploy" / "compose" / "register.sh"
PROGRAMS = Path(sys.executable).parent
NAMESPACE = "recovery"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fresh_temporal() -> AsyncIterator[Client]:
    server = await WorkflowEnvironment.start_local(dev_server_existing_path=str(PROGRAMS / "temporal"))
    async with server as running:
        yield running.client


async def register(address: str, **more: str) -> tuple[int, str]:
    """Run the script as compose does. Gives its exit code and all that it printed."""
    environment = {
        "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}",
        "TEMPORAL_ADDRESS": address,
        "TEMPORAL_NAMESPACE": NAMESPACE,
        "RETENTION": "720h",
        "SEARCH_ATTRIBUTES": " ".join(SearchAttribute),
    }
    process = await asyncio.create_subprocess_exec(
        "sh",
        str(SCRIPT),
        env=environment | more,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await asyncio.wait_for(process.communicate(), timeout=90)
    return process.returncode or 0, printed.decode()


@pytest.mark.asyncio(loop_scope="module")
async def test_namespace_and_search_attributes_are_there_afterwards_and_again(fresh_temporal: Client) -> None:
    address = fresh_temporal.service_client.config.target_host
    for _ in range(2):
        code, printed = await register(address)
        assert code == 0, printed
    described = await fresh_temporal.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=NAMESPACE))
    assert described.config.workflow_execution_retention_ttl.ToTimedelta().days == 30
    listed = await fresh_temporal.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=NAMESPACE)
    )
    assert set(SearchAttribute) <= set(listed.custom_attributes)


async def test_it_gives_up_where_no_temporal_answers(unused_tcp_port: int) -> None:
    code, printed = await register(f"127.0.0.1:{unused_tcp_port}", DEADLINE="1")
    assert code == 1
    assert "gave up: healthy" in printed
