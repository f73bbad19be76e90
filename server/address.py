"""Where a request came from: the connection's peer, or what a trusted proxy says of it."""

import ipaddress
from ipaddress import IPv4Network, IPv6Network

from aiohttp import web


def client_address(request: web.BaseRequest, trusted: tuple[IPv4Network | IPv6Network, ...]) -> str:
    """The last address of X-Forwarded-For that no trusted proxy vouches for itself; without such proxies, the peer's."""
    address = request.remote or ""
    if not trusted:
        return address
    hops = [hop.strip() for hop in ",".join(request.headers.getall("X-Forwarded-For", [])).split(",") if hop.strip()]
    while hops and _is_trusted(address, trusted):
        address = hops.pop()
    return address[:64]


def _is_trusted(address: str, trusted: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address == ""  # a unix socket: whoever set it up is the proxy
    return any(parsed in network for network in trusted)
