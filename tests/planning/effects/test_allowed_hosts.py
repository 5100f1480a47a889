"""The operator's list of hosts, and addresses that nothing but an entry of their own opens."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planning.effects.allowed_hosts import (
    ANY_HOST,
    AllowedHosts,
    HostListError,
    HostRefusedError,
    allowed_hosts,
    is_address,
    may_be_resolved,
    permitted,
)

GUARDED = {
    "169.254.169.254": "metadata",
    "fd00:ec2::254": "metadata",
    "fd20:ce::254": "metadata",
    "100.100.100.200": "metadata",
    "168.63.129.16": "metadata",
    "192.0.0.192": "metadata",
    "169.254.1.1": "link-local",
    "fe80::1": "link-local",
    "fe80::1%2": "link-local",
    "127.0.0.1": "loopback",
    "127.255.0.9": "loopback",
    "::1": "loopback",
    "0.0.0.0": "unspecified",
    "0.0.0.1": "unspecified",
    "::": "unspecified",
    "224.0.0.1": "multicast",
    "ff02::1": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "reserved",
    "fec0::1": "reserved",
    "feff:ffff::1": "reserved",
}
DISGUISED = [
    "::ffff:169.254.169.254",
    "::ffff:7f00:1",
    "::127.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::7f00:1",
    "2002:a9fe:a9fe::1",
    "2001:0:a9fe:a9fe::1",
    "::ffff:0:127.0.0.1",
    "::ffff:0:a9fe:a9fe",
    "2001:db8::5efe:7f00:1",
    "2001:db8::200:5efe:169.254.169.254",
    "fd00::5efe:255.255.255.255",
]
PUBLIC_IN_DISGUISE = ["::ffff:0:10.0.0.5", "2001:db8::5efe:10.0.0.5", "2001:db8::1:7f00:1", "fe00::1"]


def refusal(allowed: AllowedHosts, host: str, *addresses: str) -> str:
    with pytest.raises(HostRefusedError) as caught:
        permitted(allowed, host, addresses)
    return str(caught.value)


@pytest.mark.parametrize("address", GUARDED)
def test_a_guarded_address_is_refused_where_everything_is_allowed(address: str) -> None:
    what = GUARDED[address]
    assert refusal(ANY_HOST, address, address).startswith(f"{address} is a {what} address, and these are refused")
    assert refusal(ANY_HOST, "shop", address).startswith(f"host shop resolves to {address}, a {what} address")


@pytest.mark.parametrize("address", GUARDED)
def test_a_guarded_address_is_opened_by_an_entry_of_its_own(address: str) -> None:
    entry = address.partition("%")[0]
    assert permitted(allowed_hosts(entry), "shop", [address]) == [address]
    assert permitted(allowed_hosts(f"*, {entry}"), address, [address]) == [address]


@pytest.mark.parametrize("address", DISGUISED)
def test_an_ipv4_address_within_an_ipv6_one_is_seen(address: str) -> None:
    assert "these are refused" in refusal(ANY_HOST, "shop", address)


@pytest.mark.parametrize("address", PUBLIC_IN_DISGUISE)
def test_an_ipv6_address_that_holds_no_guarded_one_is_free(address: str) -> None:
    assert permitted(ANY_HOST, "shop", [address]) == [address]


@pytest.mark.parametrize("wide", ["*", "0.0.0.0/0, ::/0", "169.0.0.0/8", "100.64.0.0/10,126.0.0.0/7"])
@pytest.mark.parametrize("address", ["169.254.169.254", "127.0.0.1", "100.100.100.200", "::ffff:127.0.0.1"])
def test_a_wider_entry_opens_no_guarded_address(wide: str, address: str) -> None:
    assert "these are refused" in refusal(allowed_hosts(wide), "shop", address)


@pytest.mark.parametrize("network", ["169.254.0.0/16", "169.254.169.0/24"])
def test_a_network_within_the_guarded_one_opens_its_addresses(network: str) -> None:
    assert permitted(allowed_hosts(network), "meta", ["169.254.169.254"]) == ["169.254.169.254"]
    assert refusal(allowed_hosts(network), "meta", "127.0.0.1")


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("10.0.0.5", "10.0.0.5"),
        ("shop", "10.0.0.5"),
        ("shop", "::ffff:10.0.0.5"),
        ("temporal.example", "10.0.0.77"),
        ("Temporal.Example.", "10.0.0.77"),
    ],
)
def test_the_servers_that_the_worker_uses_are_guarded_under_every_name(host: str, address: str) -> None:
    every = replace(ANY_HOST, control_plane=frozenset({"temporal.example"}))
    with pytest.raises(HostRefusedError, match="a control plane address"):
        permitted(every, host, [address], ["10.0.0.5"])
    assert permitted(every, "shop", ["10.0.0.6"], ["10.0.0.5"]) == ["10.0.0.6"]
    opened = replace(allowed_hosts("*, 10.0.0.5"), control_plane=every.control_plane)
    assert permitted(opened, "shop", ["10.0.0.5"], ["10.0.0.5"]) == ["10.0.0.5"]
    with pytest.raises(HostRefusedError, match="a control plane address"):
        permitted(allowed_hosts("10.0.0.0/8"), "shop", ["10.0.0.5"], ["10.0.0.5"])


def test_a_name_in_the_list_does_not_open_what_it_resolves_to() -> None:
    assert "a metadata address" in refusal(allowed_hosts("metadata.internal"), "metadata.internal", "169.254.169.254")


def test_of_several_addresses_only_those_that_are_free_are_used() -> None:
    assert permitted(ANY_HOST, "shop", ["169.254.169.254", "10.0.0.1", "::1", "10.0.0.2"]) == ["10.0.0.1", "10.0.0.2"]


@pytest.mark.parametrize(
    ("entries", "host", "free"),
    [
        ("shop.example.com", "shop.example.com", True),
        ("Shop.Example.COM.", "shop.example.com", True),
        ("shop.example.com", "SHOP.example.com.", True),
        ("shop.example.com", "a.shop.example.com", False),
        ("shop.example.com", "shop.example.com.evil.net", False),
        ("*.example.com", "a.example.com", True),
        ("*.example.com", "a.b.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "badexample.com", False),
        ("bücher.example", "xn--bcher-kva.example", True),
        ("a.example, b.example", "b.example", True),
        ("10.0.0.0/8", "whatever.example", True),
        ("10.0.0.1", "10.0.0.1", True),
        ("10.1.0.0/16", "whatever.example", False),
        ("", "shop.example.com", False),
    ],
)
def test_names_wildcards_and_networks(entries: str, host: str, free: bool) -> None:
    allowed = allowed_hosts(entries)
    if free:
        assert permitted(allowed, host, ["10.0.0.1"]) == ["10.0.0.1"]
    else:
        expected = f"host {host} is not allowed by the worker's setting DRPLAN_HTTP_ALLOWED_HOSTS"
        assert refusal(allowed, host, "10.0.0.1") == expected


def test_a_name_that_nothing_can_allow_is_not_looked_up() -> None:
    assert not may_be_resolved(allowed_hosts("shop.example.com"), "evil.example.com")
    assert may_be_resolved(allowed_hosts("shop.example.com"), "shop.example.com")
    assert may_be_resolved(allowed_hosts("10.0.0.0/8"), "anything.example.com")


@pytest.mark.parametrize("entry", ["https://shop", "shop:80", "10.0.0.1/8", "a..b", "**.b", "*.", "a b", "-a", "["])
def test_what_is_no_entry_is_named(entry: str) -> None:
    with pytest.raises(HostListError) as caught:
        allowed_hosts(f"shop, {entry}")
    assert str(caught.value).startswith(f'"{entry}" is no host: ')


@given(st.ip_addresses())
def test_whatever_is_permitted_is_in_no_guarded_network(address: object) -> None:
    text = str(address)
    try:
        assert permitted(ANY_HOST, "shop", [text]) == [text]
    except HostRefusedError:
        return
    found = ip_address(text)
    assert not any((found.is_loopback, found.is_link_local, found.is_multicast, found.is_unspecified))


@given(st.ip_addresses(v=4, network="127.0.0.0/8"), st.integers(8, 32))
def test_an_opened_network_opens_itself_and_nothing_else(address: object, length: int) -> None:
    network = ip_network(f"{address}/{length}", strict=False)
    assert permitted(allowed_hosts(str(network)), "x", [str(address)])
    other = ip_address((int(network[0]) ^ (1 << (32 - length))) if length > 8 else int(ip_address("126.0.0.1")))
    assert refusal(allowed_hosts(str(network)), "x", str(other))


def test_the_default_allows_every_name() -> None:
    assert allowed_hosts("*") == ANY_HOST
    assert permitted(ANY_HOST, "shop.example.com", ["10.0.0.1"])


def test_an_address_is_told_from_a_name() -> None:
    assert is_address("::1")
    assert is_address("10.0.0.1")
    assert not is_address("2130706433"), "a name to us; what it resolves to is judged"
