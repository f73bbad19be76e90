"""What we override of python-socketio and python-engineio is not their public interface: it is written for these versions.

After an update out of a range, look at what the row names, run tests/test_protocol.py, tests/test_engine.py,
tests/test_rooms.py, tests/test_bad_events.py and `python -m tests.bench events idle`, and only then move the range here.
"""

import inspect
import re
from importlib.metadata import version

import engineio
import pytest
import socketio
from engineio.async_socket import AsyncSocket

from server.engine import EngineServer, EngineSocket
from server.packets import PacketServer
from server.rooms import Rooms

# package, from, below, what to look at
WRITTEN_FOR = [
    (
        "python-socketio",
        (5, 18),
        (5, 19),
        "server/packets.py: AsyncServer's _handle_… and _send_packet, and that it runs an event by `_handle_event`; "
        "server/rooms.py: all of AsyncManager and BaseManager, and what AsyncServer asks of them",
    ),
    (
        "python-engineio",
        (4, 15),
        (4, 16),
        "server/engine.py: what AsyncServer.handle_request, _get_socket, transport, disconnect and _upgrades ask of a socket, "
        "what _handle_connect does, and Packet.encode_cache",
    ),
    (
        "aiohttp",
        (3, 14),
        (3, 15),
        "server/engine.py: that WebSocketResponse writes to request.transport by itself only for pongs and closing, that "
        "send_frame waits where the transport is full (writer_limit=0), and that close() ends a receive() under way",
    ),
]


@pytest.mark.parametrize(("package", "least", "below", "look_at"), WRITTEN_FOR)
def test_what_is_overridden_was_written_for_the_installed_version(
    package: str, least: tuple[int, int], below: tuple[int, int], look_at: str
) -> None:
    installed = tuple(int(part) for part in version(package).split(".")[:2])
    assert least <= installed < below, f"{package} {version(package)} is not what this was written for; look at {look_at}"


OWN: dict[type, set[str]] = {  # names that are ours, and override nothing
    PacketServer: {
        "hear",
        "kick",
        "cut_off",
        "put",
        "event",
        "_begin",
        "_answer",
        "_refuse",
        "_expect_connect",
        "_encoded",
        "finish",
    },
    Rooms: {"namespaces_of", "_catch_up", "_take_out", "_in"},
    EngineServer: {"forget"},
}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(PacketServer, socketio.AsyncServer), (Rooms, socketio.AsyncManager), (EngineServer, engineio.AsyncServer)],
)
def test_every_override_still_overrides_something_with_as_many_arguments(ours: type, theirs: type) -> None:
    overrides = {name: one for name, one in vars(ours).items() if inspect.isfunction(one) and not name.startswith("__")}
    assert OWN[ours] <= overrides.keys()
    for name in overrides.keys() - OWN[ours]:
        assert hasattr(theirs, name), f"{theirs.__name__} has no {name} any more"
        asked = inspect.signature(getattr(theirs, name)).parameters.values()
        ours_takes = inspect.signature(overrides[name]).parameters.values()
        if not any(one.kind in (one.VAR_KEYWORD, one.VAR_POSITIONAL) for one in (*ours_takes, *asked)):
            assert len(ours_takes) == len(asked), f"{theirs.__name__}.{name} takes {[one.name for one in asked]}"


def test_our_sockets_have_what_the_server_asks_of_its_own() -> None:
    source = "".join(inspect.getsource(one) for one in engineio.AsyncServer.__mro__[:-1])
    known = {*vars(AsyncSocket), *vars(AsyncSocket(PacketServer().eio, "x"))}
    asked = {name for name in re.findall(r"\b(?:socket|s|sockets\[sid\])\.(\w+)", source) if name in known}
    # Nobody keeps a session there; the service task does not run, and _handle_connect is overridden.
    asked -= {"session", "check_ping_timeout", "schedule_ping"}
    assert asked >= {"closed", "connected", "upgraded", "handle_get_request", "handle_post_request"}
    assert {name for name in asked if not hasattr(EngineSocket, name)} == set()
