"""Sessions: access tokens at both doors, refreshing with rotation, and what ends a session and its sockets (S1.14, C71)."""

import asyncio
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import jwt
import pytest

from handlers.tokens import digest
from tests.conftest import Market, OpenMarket
from tests.people import NOBODYS_ID, Cast, Person, Refused
from tests.raw_socket import raw_socket

SOON_SECONDS = 5.0  # within which a session's end reaches its sockets


async def refresh(cast: Cast, token: str) -> Any:
    return await cast.call("POST", "/auth/refresh", {"refreshToken": token})


async def ended(person: Person, reason: str) -> None:
    """The person's sockets are told why, and closed."""
    assert await person.hears("session:ended", seconds=SOON_SECONDS) == {"reason": reason}
    async with asyncio.timeout(SOON_SECONDS):
        for socket in person.sockets:
            await socket.wait()
    person.sockets.clear()


async def refused_everywhere(cast: Cast, token: str, code: str) -> None:
    """The access token is refused by REST and at a socket's CONNECT, in the contract's shapes."""
    status, body, _ = await cast.answer("GET", "/auth/me", token=token)
    assert (status, body["error"]["code"]) == (401, code)
    async with raw_socket(cast) as raw:
        packet = await raw.connect({"token": token})
        assert packet is not None
        assert packet.startswith("44"), packet
        assert json.loads(packet[2:]) == {"message": body["message"], "data": {"code": code}}


def claims_of(person: Person) -> dict[str, Any]:
    return jwt.decode(person.token, options={"verify_signature": False})


def secret_of(market: Market) -> str:
    return (market.data_dir / "secret_key").read_text().strip()


# Tokens


async def test_an_access_token_says_who_and_nothing_else(cast: Cast) -> None:
    alice = await cast.person("Alice")
    claims = claims_of(alice)
    assert claims.keys() == {"iss", "sub", "sid", "iat", "exp"}
    assert (claims["sub"], claims["exp"] - claims["iat"]) == (alice.id, 900)


@pytest.mark.parametrize("given", [None, {}, {"token": None}, {"token": 5}, {"token": ""}, {"Token": "x"}, [], "x", ["a", "b"]])
async def test_a_socket_without_a_token_is_refused_at_connect(cast: Cast, given: object) -> None:
    async with raw_socket(cast) as raw:
        packet = await raw.connect(given)
        assert packet is not None
        assert packet.startswith("44"), packet
        assert json.loads(packet[2:]) == {"message": "Please sign in.", "data": {"code": "UNAUTHENTICATED"}}


async def test_nothing_but_the_connect_payload_signs_a_socket_in(cast: Cast) -> None:
    alice = await cast.person("Alice")
    address = f"{cast.url}/socket.io/?EIO=4&transport=websocket&token={alice.token}"
    headers = {"Authorization": f"Bearer {alice.token}", "Cookie": f"token={alice.token}"}
    async with cast.session.ws_connect(address, headers=headers) as websocket:
        await websocket.receive()
        await websocket.send_str("40")
        assert (await websocket.receive()).data.startswith("44")


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Bearer x.y.z", "Basic YTpi", "Token {token}", "{token}", "Bearer \xff"]
)
async def test_rest_takes_a_bearer_token_only(cast: Cast, header: str) -> None:
    alice = await cast.person("Alice")
    status, body, _ = await cast.answer("GET", "/auth/me", headers={"Authorization": header.format(token=alice.token)})
    assert (status, body["error"]["code"]) == (401, "UNAUTHENTICATED")


Forge = Callable[[dict[str, Any], str], str]
FORGERIES: dict[str, tuple[Forge, str]] = {
    "another key": (lambda claims, key: jwt.encode(claims, "x" * 48, headers={"typ": "at+jwt"}), "UNAUTHENTICATED"),
    "no type": (jwt.encode, "UNAUTHENTICATED"),
    "another type": (lambda claims, key: jwt.encode(claims, key, headers={"typ": "reset+jwt"}), "UNAUTHENTICATED"),
    "alg none": (lambda claims, key: jwt.encode(claims, None, "none", headers={"typ": "at+jwt"}), "UNAUTHENTICATED"),
    "another algorithm": (lambda claims, key: jwt.encode(claims, key * 2, "HS512", {"typ": "at+jwt"}), "UNAUTHENTICATED"),
    "another issuer": (
        lambda claims, key: jwt.encode(claims | {"iss": "x"}, key, headers={"typ": "at+jwt"}),
        "UNAUTHENTICATED",
    ),
    "no session": (
        lambda claims, key: jwt.encode({n: v for n, v in claims.items() if n != "sid"}, key, headers={"typ": "at+jwt"}),
        "UNAUTHENTICATED",
    ),
    "nobody": (lambda claims, key: jwt.encode(claims | {"sub": "nobody"}, key, headers={"typ": "at+jwt"}), "UNAUTHENTICATED"),
    "no expiry": (
        lambda claims, key: jwt.encode({n: v for n, v in claims.items() if n != "exp"}, key, headers={"typ": "at+jwt"}),
        "UNAUTHENTICATED",
    ),
    "expired": (
        lambda claims, key: jwt.encode(claims | {"exp": claims["iat"] - 1}, key, headers={"typ": "at+jwt"}),
        "TOKEN_EXPIRED",
    ),
    "expired by another key": (
        lambda claims, key: jwt.encode(claims | {"exp": 1}, "x" * 48, headers={"typ": "at+jwt"}),
        "UNAUTHENTICATED",
    ),
    "garbage": (lambda claims, key: "garbage", "UNAUTHENTICATED"),
}


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_a_forged_or_old_token_is_refused_at_both_doors(market: Market, cast: Cast, forgery: str) -> None:
    alice = await cast.person("Alice")
    forge, code = FORGERIES[forgery]
    await refused_everywhere(cast, forge(claims_of(alice), secret_of(market)), code)


async def test_a_refresh_token_is_no_access_token(cast: Cast) -> None:
    alice = await cast.person("Alice")
    await refused_everywhere(cast, alice.refresh_token, "UNAUTHENTICATED")
    with pytest.raises(Refused) as no:
        await refresh(cast, alice.token)
    assert (no.value.status, no.value.code) == (400, "INVALID_REQUEST") or no.value.code == "UNAUTHENTICATED"


# Refreshing


async def test_refreshing_gives_new_tokens_for_the_same_session(cast: Cast) -> None:
    alice = await cast.person("Alice", connected=True)
    renewed = await refresh(cast, alice.refresh_token)
    assert renewed["user"] == await cast.call("GET", "/auth/me", token=renewed["accessToken"])
    assert renewed["refreshToken"] != alice.refresh_token
    assert renewed["expiresIn"] == 900
    old, new = claims_of(alice), jwt.decode(renewed["accessToken"], options={"verify_signature": False})
    assert (new["sid"], new["sub"]) == (old["sid"], old["sub"])
    assert (await refresh(cast, renewed["refreshToken"]))["user"]["id"] == alice.id
    assert (await alice.does("user:me"))["id"] == alice.id, "the live socket goes on"


async def test_only_the_digest_of_a_refresh_token_is_kept(market: Market, cast: Cast) -> None:
    alice = await cast.person("Alice")
    async with market.sql() as sql:
        rows = await sql.fetch(
            "SELECT refresh_tokens FROM refresh_tokens JOIN sessions ON sessions.id = session_id WHERE user_id = $1",
            UUID(alice.id),
        )
    assert [row["refresh_tokens"]["sha256"] for row in rows] == [digest(alice.refresh_token)]
    assert alice.refresh_token not in str(rows)


async def test_a_refresh_token_that_comes_twice_ends_the_session_and_its_sockets(cast: Cast) -> None:
    alice = await cast.person("Alice", connected=True)
    renewed = await refresh(cast, alice.refresh_token)

    with pytest.raises(Refused) as no:
        await refresh(cast, alice.refresh_token)
    assert (no.value.status, no.value.code) == (401, "UNAUTHENTICATED")
    await ended(alice, "refresh token reused")
    for token in (alice.token, renewed["accessToken"]):
        await refused_everywhere(cast, token, "UNAUTHENTICATED")
    with pytest.raises(Refused):
        await refresh(cast, renewed["refreshToken"])


async def test_a_stolen_session_leaves_the_persons_others_alone(cast: Cast) -> None:
    alice = await cast.person("Alice")
    stolen = alice.refresh_token
    await alice.sign_in()
    await refresh(cast, stolen)
    with pytest.raises(Refused):
        await refresh(cast, stolen)
    assert (await alice.asks("GET", "/auth/me"))["id"] == alice.id
    await refresh(cast, alice.refresh_token)


async def test_of_many_refreshes_at_once_one_gets_tokens(cast: Cast) -> None:
    alice = await cast.person("Alice")
    body = {"refreshToken": alice.refresh_token}
    answers = await asyncio.gather(*(cast.answer("POST", "/auth/refresh", body) for _ in range(8)))
    assert sorted(status for status, _, _ in answers) == [200] + [401] * 7
    await refused_everywhere(cast, alice.token, "UNAUTHENTICATED")


@pytest.mark.parametrize("token", ["", "unknown", "x" * 201, None, 5])
async def test_what_was_never_a_refresh_token_refreshes_nothing(cast: Cast, token: object) -> None:
    status, body, _ = await cast.answer("POST", "/auth/refresh", {"refreshToken": token})
    expected = (401, "UNAUTHENTICATED") if token == "unknown" else (400, "INVALID_REQUEST")
    assert (status, body["error"]["code"]) == expected


async def test_a_session_that_was_not_renewed_for_too_long_is_over(market: Market, cast: Cast) -> None:
    alice = await cast.person("Alice")
    async with market.sql() as sql:
        expires_at = await sql.fetchval("SELECT expires_at - now() FROM sessions WHERE user_id = $1", UUID(alice.id))
        assert 29 < expires_at.days + 1 <= 31
        await sql.execute("UPDATE sessions SET expires_at = now() WHERE user_id = $1", UUID(alice.id))
    with pytest.raises(Refused) as no:
        await refresh(cast, alice.refresh_token)
    assert no.value.code == "UNAUTHENTICATED"


# Ending


async def test_signing_out_ends_the_session_and_its_sockets(cast: Cast) -> None:
    alice = await cast.person("Alice")
    await alice.connect()
    await alice.connect()
    assert await cast.call("POST", "/auth/logout", {"refreshToken": alice.refresh_token}) == {}
    await refused_everywhere(cast, alice.token, "UNAUTHENTICATED")  # from now on, not from a second later on
    await ended(alice, "signed out")
    assert len([event for event, _ in alice.heard if event == "session:ended"]) == 2
    with pytest.raises(Refused):
        await refresh(cast, alice.refresh_token)


async def test_signing_out_of_nothing_is_no_error(cast: Cast) -> None:
    alice = await cast.person("Alice")
    assert await cast.call("POST", "/auth/logout", {"refreshToken": "unknown"}) == {}
    for _ in range(2):
        assert await cast.call("POST", "/auth/logout", {"refreshToken": alice.refresh_token}) == {}


async def test_a_session_that_ends_on_one_server_ends_on_every_server(open_market: OpenMarket, market: Market) -> None:
    shared = {"DATABASE_URL": market.database_url, "REDIS_URL": market.redis_url, "SECRET_KEY": secret_of(market)}
    async with open_market(**shared) as other:
        alice = await market.cast.person("Alice")
        there = Person(other.cast, "Alice", alice.email)
        there.token = alice.token
        await there.connect()
        assert (await there.does("user:me"))["id"] == alice.id

        await market.cast.call("POST", "/auth/logout", {"refreshToken": alice.refresh_token})
        await ended(there, "signed out")
        with pytest.raises(Refused) as no:
            await other.cast.call("GET", "/auth/me", token=alice.token)
        assert no.value.code == "UNAUTHENTICATED"


# The live socket's own sign-in


async def test_a_socket_is_warned_then_goes_on_when_renewed_and_ends_when_not(open_market: OpenMarket) -> None:
    async with open_market(ACCESS_TOKEN_TTL="5") as market:
        alice, bob = await market.cast.people("Alice", "Bob", connected=True)
        started = time.monotonic()
        for person in (alice, bob):
            warned = await person.hears("session:expiring")
            left = datetime.fromisoformat(warned["expiresAt"]) - datetime.now(UTC)
            assert 0 < left.total_seconds() < 5
        token = (await refresh(market.cast, alice.refresh_token))["accessToken"]
        renewed = await alice.does("session:renew", token=token)
        assert renewed["expiresAt"] > warned["expiresAt"]

        await ended(bob, "expired")
        assert 4 < time.monotonic() - started < 5 + SOON_SECONDS
        assert (await market.cast.answer("GET", "/auth/me", token=bob.token))[1]["error"]["code"] == "TOKEN_EXPIRED"
        assert (await alice.does("user:me"))["id"] == alice.id
        assert "session:ended" not in [event for event, _ in alice.heard]


async def test_a_socket_is_renewed_only_by_a_good_token_of_the_same_person(market: Market, cast: Cast) -> None:
    alice, bob = await cast.people("Alice", "Bob", connected=True)
    expired = jwt.encode(claims_of(alice) | {"exp": 1}, secret_of(market), headers={"typ": "at+jwt"})
    over = await cast.person("Alice")
    over.id, over.email = alice.id, alice.email
    await over.sign_in()
    await cast.call("POST", "/auth/logout", {"refreshToken": over.refresh_token})
    for token, code in [
        (bob.token, "FORBIDDEN"),
        (over.token, "FORBIDDEN"),
        (expired, "TOKEN_EXPIRED"),
        ("garbage", "UNAUTHENTICATED"),
        ("", "INVALID_REQUEST"),
        (NOBODYS_ID * 200, "INVALID_REQUEST"),
    ]:
        with pytest.raises(Refused) as no:
            await alice.does("session:renew", token=token)
        assert no.value.code == code
    assert (await alice.does("user:me"))["id"] == alice.id


async def test_a_socket_moved_to_another_session_of_the_same_person_ends_with_that_one(cast: Cast) -> None:
    alice = await cast.person("Alice", connected=True)
    first = alice.refresh_token
    await alice.sign_in()
    await alice.does("session:renew", token=alice.token)
    await cast.call("POST", "/auth/logout", {"refreshToken": first})
    await asyncio.sleep(1.5)  # the sockets are looked at once a second
    assert (await alice.does("user:me"))["id"] == alice.id
    await cast.call("POST", "/auth/logout", {"refreshToken": alice.refresh_token})
    await ended(alice, "signed out")


async def test_a_refresh_whose_answer_was_lost_is_asked_for_again_with_its_key(cast: Cast) -> None:
    alice = await cast.person("Alice")
    first, asked = {"Idempotency-Key": "renewal 1"}, {"refreshToken": alice.refresh_token}
    lost = await cast.call("POST", "/auth/refresh", asked, headers=first)
    again = await cast.call("POST", "/auth/refresh", asked, headers=first)
    assert again["refreshToken"] == lost["refreshToken"]
    onward = await cast.call("POST", "/auth/refresh", {"refreshToken": again["refreshToken"]})

    with pytest.raises(Refused) as no:  # the next one has been used by now, so this is no retry any more
        await cast.call("POST", "/auth/refresh", asked, headers=first)
    assert no.value.code == "UNAUTHENTICATED"
    with pytest.raises(Refused):
        await cast.call("POST", "/auth/refresh", {"refreshToken": onward["refreshToken"]})


async def test_another_key_does_not_excuse_a_second_refresh(cast: Cast) -> None:
    alice = await cast.person("Alice")
    asked = {"refreshToken": alice.refresh_token}
    renewed = await cast.call("POST", "/auth/refresh", asked, headers={"Idempotency-Key": "renewal 1"})
    with pytest.raises(Refused):
        await cast.call("POST", "/auth/refresh", asked, headers={"Idempotency-Key": "renewal 2"})
    with pytest.raises(Refused):
        await cast.call("POST", "/auth/refresh", {"refreshToken": renewed["refreshToken"]})
