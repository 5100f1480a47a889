"""The view on a real API server: a token sees what its roles allow; no credential of the bridge is used."""

import time
from unittest import mock

from aiohttp import ClientSession

from bridge.view.pages import Links
from bridge.view.server import serving
from dev.stack import Stack
from tests.bridge.plan_namespace import PlanNamespace
from tests.bridge.view.viewed import fetch

READERS = ("--verb=get,list", "--resource=drplans.dr.bkbcs.tencent.com,drplanexecutions.dr.bkbcs.tencent.com")


async def test_a_token_sees_what_its_roles_allow(stack: Stack, unwatched_ns: PlanNamespace) -> None:
    namespace = unwatched_ns.namespace
    await unwatched_ns.plan("seen")
    for account in ("reader", "nobody"):
        stack.kubectl("create", "serviceaccount", account, f"--namespace={namespace}")
    stack.kubectl("create", "role", "reader", *READERS, f"--namespace={namespace}")
    binding = ("--role=reader", f"--serviceaccount={namespace}:reader", f"--namespace={namespace}")
    stack.kubectl("create", "rolebinding", "reader", *binding)
    reader, nobody = (
        stack.kubectl("create", "token", account, f"--namespace={namespace}").stdout.strip()
        for account in ("reader", "nobody")
    )
    with mock.patch.dict("os.environ", stack.env("bridge")):
        async with serving(("127.0.0.1", 0), Links()) as port, ClientSession() as session:
            url = f"http://127.0.0.1:{port}"
            end = time.monotonic() + 60  # roles take moments to be known
            while (seen := await fetch(session, f"{url}/plans?namespace={namespace}", reader)).status == 403:
                assert time.monotonic() < end
            assert "seen" in await seen.text()
            assert "Which namespace?" in await (await fetch(session, f"{url}/plans", reader)).text()
            assert (await fetch(session, f"{url}/plans/{namespace}/seen", reader)).status == 200
            for path in (f"/plans/{namespace}/seen", f"/executions?namespace={namespace}", "/plans?namespace=default"):
                assert (await fetch(session, f"{url}{path}", nobody)).status == 403, path
            assert (await fetch(session, f"{url}/plans", "no-token-of-anybody")).status == 401
