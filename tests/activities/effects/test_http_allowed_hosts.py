"""HTTP actions go where the worker's settings let them: judged after the name is resolved, and after each redirect."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from activities.effects.http import HttpEffect
from activities.effects.http_client import HttpClient
from api.failures import FailureType
from api.phases import Phase
from planning.effects.allowed_hosts import ANY_HOST, allowed_hosts
from tests.activities.http_orders import Names, ask, effect, order, refusal
from tests.http_service import Reply, Service

METADATA = "http://169.254.169.254/latest/meta-data/iam"


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with Service.running() as running:
        running.replies_to("/", Reply())
        yield running


@pytest.mark.parametrize(
    "url",
    [
        METADATA,
        "http://[fd00:ec2::254]/",
        "http://[::ffff:169.254.169.254]/",
        "http://100.100.100.200/",
        "http://127.0.0.1:7233/",
        "http://[::1]/",
        "http://0.0.0.0/",
        "http://[::]/",
        "http://[fe80::1]/",
        "http://224.0.0.1/",
    ],
)
async def test_a_guarded_address_is_refused_by_default_and_not_repeated(url: str) -> None:
    error = await refusal(order(url), effect("*"))
    assert error.message.startswith(f"HTTP GET {url} failed: ")
    assert error.message.endswith("are refused unless the worker's setting DRPLAN_HTTP_ALLOWED_HOSTS lists it")
    assert (error.type, error.non_retryable) == (FailureType.HTTP_REFUSED, True)


@pytest.mark.parametrize("host", ["2130706433", "127.1", "0x7f.1", "localhost"])
async def test_another_spelling_of_loopback_is_refused_by_what_the_system_makes_of_it(
    service: Service, host: str
) -> None:
    error = await refusal(order(f"http://{host}:{service.port}/"), HttpEffect(HttpClient(ANY_HOST)))
    assert "a loopback address" in error.message
    assert service.connections == 0


async def test_a_name_that_resolves_to_a_guarded_address_is_refused(service: Service) -> None:
    names = Names({"shop.test": ["127.0.0.1"], "meta.test": ["169.254.169.254"]})
    error = await refusal(order(f"http://shop.test:{service.port}/"), effect("*", names))
    assert "host shop.test resolves to 127.0.0.1, a loopback address" in error.message
    error = await refusal(order("http://meta.test/"), effect("*, 127.0.0.1", names))
    assert "host meta.test resolves to 169.254.169.254, a metadata address" in error.message
    assert service.connections == 0


async def test_a_name_that_has_a_guarded_address_besides_a_free_one_is_reached_by_that_alone(service: Service) -> None:
    names = Names({"shop.test": ["169.254.169.254", "127.0.0.1", "127.0.0.2"]})
    outcome = await ask(order(f"http://shop.test:{service.port}/"), effect("*, 127.0.0.1", names))
    assert outcome.phase is Phase.SUCCEEDED


async def test_a_name_that_changes_its_address_is_judged_at_each_attempt(service: Service) -> None:
    names = Names({"shop.test": ["127.0.0.1"]})
    allowed = effect("shop.test, 127.0.0.1", names)
    assert (await ask(order(f"http://shop.test:{service.port}/"), allowed)).phase is Phase.SUCCEEDED
    names.known["shop.test"] = ["127.0.0.2"]
    error = await refusal(order(f"http://shop.test:{service.port}/"), allowed)
    assert "127.0.0.2, a loopback address" in error.message
    assert names.asked == ["shop.test", "shop.test"], "asked once for each, so that nothing can change in between"


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        (METADATA, "169.254.169.254 is a metadata address"),
        ("http://meta.test/", "host meta.test resolves to 169.254.169.254, a metadata address"),
        ("//[::ffff:169.254.169.254]/", "::ffff:169.254.169.254 is a metadata address"),
        ("http://127.0.0.2/", "127.0.0.2 is a loopback address"),
    ],
)
async def test_a_redirect_to_a_guarded_address_is_refused(service: Service, location: str, reason: str) -> None:
    service.replies_to("/", Reply(302, "", {"Location": location}))
    names = Names({"meta.test": ["169.254.169.254"]})
    error = await refusal(order(f"http://127.0.0.1:{service.port}/"), effect("*, 127.0.0.1", names))
    assert f" failed: {reason}" in error.message
    assert (error.type, error.non_retryable) == (FailureType.HTTP_REFUSED, True)


async def test_a_redirect_out_of_the_list_is_refused(service: Service) -> None:
    service.replies_to("/", Reply(307, "", {"Location": "https://elsewhere.test/"}))
    names = Names({"shop.test": ["127.0.0.1"], "elsewhere.test": ["10.0.0.1"]})
    given = order(f"http://shop.test:{service.port}/", method="POST")
    error = await refusal(given, effect("shop.test, 127.0.0.1", names))
    reason = "host elsewhere.test is not allowed by the worker's setting DRPLAN_HTTP_ALLOWED_HOSTS"
    assert error.message.endswith(reason)


async def test_a_name_out_of_the_list_is_not_even_looked_up() -> None:
    names = Names({"evil.test": ["10.0.0.1"]})
    error = await refusal(order("https://evil.test/"), effect("shop.test, *.shop.test", names))
    assert error.type == FailureType.HTTP_REFUSED
    assert names.asked == []


async def test_an_empty_list_allows_nothing(service: Service) -> None:
    error = await refusal(order(f"http://127.0.0.1:{service.port}/"), effect(""))
    assert error.type == FailureType.HTTP_REFUSED
    assert service.connections == 0


async def test_temporal_and_the_api_server_are_guarded_on_every_port_wherever_they_are_now() -> None:
    names = Names({"temporal.example": ["10.1.1.1"], "shop.test": ["10.1.1.1"]})
    guarded = replace(allowed_hosts("*"), control_plane=frozenset({"temporal.example", "10.2.2.2"}))
    by = HttpEffect(HttpClient(guarded, names))
    for url in ("http://shop.test:8080/", "http://10.2.2.2:1/", "http://temporal.example:7243/api"):
        error = await refusal(order(url), by)
        assert "a control plane address" in error.message
        assert error.non_retryable
    names.known["temporal.example"] = ["10.1.1.9"]
    assert "a control plane address" in (await refusal(order("http://10.1.1.9/"), by)).message


async def test_nothing_is_sent_while_it_is_not_known_where_temporal_is(service: Service) -> None:
    guarded = replace(allowed_hosts("*, 127.0.0.1"), control_plane=frozenset({"temporal.example"}))
    error = await refusal(order(f"http://127.0.0.1:{service.port}/"), HttpEffect(HttpClient(guarded, Names())))
    assert "temporal.example" in error.message
    assert not error.non_retryable
    assert service.connections == 0
