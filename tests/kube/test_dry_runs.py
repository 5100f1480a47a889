"""A request as a dry run: nothing that is not a read goes out without saying so."""

import pytest

from kube.request import OWN, Request


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_every_write_says_that_it_is_a_dry_run(method: str) -> None:
    request = Request(method, OWN, query={"fieldManager": "drplan"}, body={"kind": "ConfigMap"}).as_dry_run()
    assert request.query == {"fieldManager": "drplan", "dryRun": "All"}


def test_a_deletion_says_so_in_its_body_for_with_a_body_the_server_reads_no_query() -> None:
    body = {"kind": "DeleteOptions", "preconditions": {"uid": "a"}}
    assert Request("DELETE", OWN, body=body).as_dry_run().body == {**body, "dryRun": ["All"]}
    assert Request("POST", OWN, body=body).as_dry_run().body == body


def test_a_read_stays_as_it_is() -> None:
    request = Request("GET", OWN, query={"limit": "1"})
    assert request.as_dry_run() is request
