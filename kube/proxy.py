"""Through which proxy an API server is called: what kubectl does with the same kubeconfig and environment.

Source: golang.org/x/net, http/httpproxy; client-go, tools/clientcmd, "proxy-url".
"""

import os
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from kube.kubeconfig import Entry, unusable

PORTS = {"https": 443, "http": 80}
"""Where an API server is asked whose URL names no port."""


def proxy_for(server: SplitResult, cluster: Entry | None = None) -> SplitResult | None:
    """Return the proxy of an API server: that of its cluster in the kubeconfig, else that of the environment.

    `cluster` is None in a pod, and the result where there is no proxy. Raises ConfigurationError where the proxy is of
    a kind that the clients cannot speak to.
    """
    if cluster is not None and cluster.fields.get("proxy-url"):
        return _checked(str(cluster.fields["proxy-url"]), f"proxy-url of a cluster in {cluster.file}")
    variable, proxy = _variable(f"{server.scheme}_proxy")
    port = str(server.port or PORTS[server.scheme])
    if not proxy or _is_excepted(server.hostname or "", port, _variable("no_proxy")[1]):
        return None
    return _checked(proxy if "://" in proxy else f"http://{proxy}", variable)


def _variable(name: str) -> tuple[str, str]:
    """Return the variable of the environment that counts, in upper case or else in lower case, and its value."""
    variable = next((each for each in (name.upper(), name) if os.environ.get(each)), name)
    return variable, os.environ.get(variable, "")


def _checked(proxy: str, source: str) -> SplitResult:
    """Return a proxy as a URL. Never quotes it in an error: it may hold a password."""
    try:
        url = urlsplit(proxy)
        if url.scheme == "http" and url.hostname and url.port != 0:
            return url
    except ValueError:
        pass
    raise unusable(f"{source} names a proxy that cannot be used; only http://[USER:PASSWORD@]HOST[:PORT] is supported")


def _is_excepted(host: str, port: str, no_proxy: str) -> bool:
    """Return whether a host is called directly: one on this machine always, and what NO_PROXY names."""
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    return any(_matches(entry.strip().lower(), host, port, address) for entry in no_proxy.split(","))


def _matches(entry: str, host: str, port: str, address: IPv4Address | IPv6Address | None) -> bool:
    """Return whether an entry of NO_PROXY names a host: `*`, a network, or an address or domain, also with a port."""
    if entry == "*":
        return True
    if (network := _network(entry)) is not None:
        return address is not None and address in network
    name = entry
    if entry.count(":") == 1 or "]:" in entry:
        name, _, its_port = entry.rpartition(":")
        name = name.removeprefix("[").removesuffix("]")
        if its_port and its_port != port:
            return False
    if address is not None or not name:
        return address is not None and _address(name) == address
    name = name.removeprefix("*") if name.startswith("*.") else name
    return host == name or host.endswith(name if name.startswith(".") else f".{name}")


def _network(entry: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(entry, strict=False) if entry.partition("/")[2].isdecimal() else None
    except ValueError:
        return None


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address that a host is, an IPv4 address within an IPv6 address as that; None for a name."""
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
