"""Where HTTP actions may go: the operator's list of hosts, and addresses that only an entry of their own opens.

Otherwise the author of a plan could make the worker fetch what only the worker's node can reach: the
cloud's metadata, services on loopback. So a name is checked by what it resolves to, and the connection is made to the
address that was checked. Source: docs/operations.md, "Where HTTP actions may go".
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from planning.messages import effects as effect_messages
from planning.messages import fields as field_messages

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

EVERYTHING = "*"
_WILDCARD = "*."
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
_NAT64 = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))
_IPV4_COMPATIBLE = ip_network("::/96")
_IPV4_TRANSLATED = ip_network("::ffff:0:0:0/96")
"""Source: RFC 2765, "IPv4-translated"."""
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})
"""What is before an IPv4 address in the lower half of an address of any network. Source: RFC 5214, section 6.1."""


class GuardedAddresses(StrEnum):
    """Kinds of addresses that are refused unless the operator lists them."""

    METADATA = "metadata"
    """The cloud's own services: they return credentials to any process on the node."""
    LINK_LOCAL = "link-local"
    LOOPBACK = "loopback"
    UNSPECIFIED = "unspecified"
    """Linux takes it for loopback."""
    MULTICAST = "multicast"
    RESERVED = "reserved"
    """Broadcast, and what was never or is no longer assigned: systems and gateways differ in where they send it."""
    CONTROL_PLANE = "control plane"
    """Those of the API server and of Temporal, which the worker itself uses."""


_GUARDED: dict[GuardedAddresses, tuple[Network, ...]] = {
    GuardedAddresses.METADATA: (
        # AWS, Google, Azure, OpenStack and others.
        ip_network("169.254.169.254/32"),
        # AWS.
        ip_network("fd00:ec2::254/128"),
        # Google.
        ip_network("fd20:ce::254/128"),
        # Alibaba Cloud.
        ip_network("100.100.100.200/32"),
        # Azure's wire server.
        ip_network("168.63.129.16/32"),
        # Oracle Cloud.
        ip_network("192.0.0.192/32"),
    ),
    GuardedAddresses.LINK_LOCAL: (ip_network("169.254.0.0/16"), ip_network("fe80::/10")),
    GuardedAddresses.LOOPBACK: (ip_network("127.0.0.0/8"), ip_network("::1/128")),
    GuardedAddresses.UNSPECIFIED: (ip_network("0.0.0.0/8"), ip_network("::/128")),
    GuardedAddresses.MULTICAST: (ip_network("224.0.0.0/4"), ip_network("ff00::/8")),
    GuardedAddresses.RESERVED: (ip_network("240.0.0.0/4"), ip_network("fec0::/10")),
}


class HostListError(ValueError):
    """An entry of the list is none; the message names it."""


class HostRefusedError(ValueError):
    """A request may not go there; the message is the reason."""


@dataclass(frozen=True)
class AllowedHosts:
    """The operator's list, read."""

    anything: bool = False
    """Whether it has `*`: every host except guarded addresses."""
    names: frozenset[str] = frozenset()
    endings: tuple[str, ...] = ()
    """Of `*.example.com`: `.example.com`."""
    networks: tuple[Network, ...] = ()
    control_plane: frozenset[str] = frozenset()
    """Hosts of the API server and of Temporal: names or addresses, which are guarded on every port."""

    def names_host(self, host: str) -> bool:
        """Tell whether the list names a host, whatever it resolves to."""
        name = host.lower().removesuffix(".")
        return self.anything or name in self.names or name.endswith(self.endings)

    def holds(self, address: Address) -> bool:
        """Tell whether an address is in the list, or in one of its networks."""
        return any(address in network for network in self.networks)

    def opens(self, address: Address, guarded: Sequence[Network]) -> bool:
        """Tell whether an entry within the guarded networks holds the address: one that is wider opens nothing."""
        return any(
            address in network and any(_within(network, guard) for guard in guarded) for network in self.networks
        )


ANY_HOST = AllowedHosts(anything=True)
"""What `*` alone means."""


def allowed_hosts(text: str) -> AllowedHosts:
    """Read a list of names, `*.` wildcards, addresses and networks with commas between; empty allows nothing.

    Raises HostListError.
    """
    entries = [entry.strip().lower() for entry in text.split(",") if entry.strip()]
    networks = {entry: network for entry in entries if (network := _network(entry))}
    named = [entry for entry in entries if entry not in networks and entry != EVERYTHING]
    return AllowedHosts(
        anything=EVERYTHING in entries,
        names=frozenset(_name(entry) for entry in named if not entry.startswith(_WILDCARD)),
        endings=tuple(f".{_name(entry[2:], entry)}" for entry in named if entry.startswith(_WILDCARD)),
        networks=tuple(networks.values()),
    )


def may_be_resolved(allowed: AllowedHosts, host: str) -> bool:
    """Tell whether a host's addresses matter: a name that nothing can allow is not even looked up."""
    return allowed.names_host(host) or bool(allowed.networks)


def permitted(
    allowed: AllowedHosts, host: str, addresses: Sequence[str], control_plane: Collection[str] = ()
) -> list[str]:
    """Return the addresses of a host to which a request may go, in their order.

    `control_plane` holds the addresses of the hosts of `allowed.control_plane`, as they resolve now.
    Raises HostRefusedError with the reason of the first where there is none.
    """
    if host.lower().removesuffix(".") in allowed.control_plane:
        control_plane = addresses
    servers = tuple(ip_network(form) for each in control_plane for form in _forms(ip_address(each)))
    refused = {address: _refusal(allowed, host, address, servers) for address in addresses}
    free = [address for address in addresses if refused[address] is None]
    if free:
        return free
    raise HostRefusedError(
        next((reason for reason in refused.values() if reason), effect_messages.host_not_allowed(host))
    )


def is_address(host: str) -> bool:
    """Tell whether a host is an address itself, so that nothing is to be resolved."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _refusal(allowed: AllowedHosts, host: str, address: str, control_plane: tuple[Network, ...]) -> str | None:
    """Return why a request may not go to an address; None where it may."""
    guarded = {**_GUARDED, GuardedAddresses.CONTROL_PLANE: control_plane}
    forms = list(_forms(ip_address(address)))
    for form in forms:
        guards = [(guard, network) for guard, networks in guarded.items() for network in networks if form in network]
        if guards and not allowed.opens(form, [network for _, network in guards]):
            return effect_messages.address_guarded(host, address, guards[0][0])
    if allowed.names_host(host) or any(allowed.holds(form) for form in forms):
        return None
    return effect_messages.host_not_allowed(host)


def _forms(address: Address) -> Iterator[Address]:
    """Return an address, and the IPv4 addresses that a translator on the way would make of it."""
    yield address
    if not isinstance(address, IPv6Address):
        return
    embedded = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    yield from (each for each in embedded if each is not None)
    translated = any(address in network for network in (*_NAT64, _IPV4_COMPATIBLE, _IPV4_TRANSLATED))
    if int(address) > 1 and (translated or int(address) >> 32 & 0xFFFFFFFF in _ISATAP):
        yield IPv4Address(int(address) & 0xFFFFFFFF)


def _within(network: Network, guard: Network) -> bool:
    if isinstance(network, IPv4Network) and isinstance(guard, IPv4Network):
        return network.subnet_of(guard)
    if isinstance(network, IPv6Network) and isinstance(guard, IPv6Network):
        return network.subnet_of(guard)
    return False


def _network(entry: str) -> Network | None:
    """Read an address or a network; None where it is neither. Raises HostListError."""
    try:
        return ip_network(entry.removeprefix("[").removesuffix("]"))
    except ValueError:
        if "/" in entry:
            raise HostListError(field_messages.not_a_host(entry)) from None
        return None


def _name(text: str, entry: str | None = None) -> str:
    """Read a name as URLs hold it: ASCII, lower case. Raises HostListError that names the entry."""
    try:
        name = text.removesuffix(".").encode("idna").decode()
    except UnicodeError:
        name = ""
    if not _NAME.fullmatch(name):
        raise HostListError(field_messages.not_a_host(entry or text))
    return name
