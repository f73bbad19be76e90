"""Sessions and their refresh tokens. A token is only ever seen here as its SHA-256 digest."""

from datetime import datetime, timedelta
from uuid import UUID

from storage.database import Row, Tx, rows_changed

USED_KNOWN = timedelta(days=7)  # how long a used token is known for one that was used


async def open_session(tx: Tx, user_id: UUID, lifetime: timedelta) -> UUID:
    session_id: UUID = await tx.fetchval(
        "INSERT INTO sessions (user_id, expires_at) VALUES ($1, now() + $2) RETURNING id", user_id, lifetime
    )
    return session_id


async def add_refresh_token(tx: Tx, session_id: UUID, sha256: bytes) -> None:
    await tx.execute("INSERT INTO refresh_tokens (sha256, session_id) VALUES ($1, $2)", sha256, session_id)


async def lock_refresh_token(tx: Tx, sha256: bytes) -> Row | None:
    """The token and its session, locked: `session_id, user_id, used (bool), live (bool)`; None for an unknown one."""
    return await tx.fetchrow(
        """
        SELECT token.session_id, session.user_id, token.used_at IS NOT NULL AS used,
               session.revoked_at IS NULL AND session.expires_at > now() AS live
          FROM refresh_tokens AS token JOIN sessions AS session ON session.id = token.session_id
         WHERE token.sha256 = $1
           FOR UPDATE
        """,
        sha256,
    )


async def is_unused(tx: Tx, session_id: UUID, sha256: bytes) -> bool:
    """Whether this is a refresh token of the session that has not been used."""
    found: bool = await tx.fetchval(
        """
        SELECT EXISTS (SELECT FROM refresh_tokens WHERE sha256 = $1 AND session_id = $2 AND used_at IS NULL)
        """,
        sha256,
        session_id,
    )
    return found


async def use_refresh_token(tx: Tx, sha256: bytes, session_id: UUID, lifetime: timedelta) -> None:
    """Mark the token used, and let its session live on from now.

    The session's tokens that were used over a week ago go: it would otherwise gather them for as long as it is renewed. One
    of those that comes again gets nothing, as before, and is too old to tell a thief from an old backup of the device.
    """
    await tx.execute("UPDATE refresh_tokens SET used_at = now() WHERE sha256 = $1", sha256)
    await tx.execute("UPDATE sessions SET expires_at = now() + $2 WHERE id = $1", session_id, lifetime)
    await tx.execute(
        "DELETE FROM refresh_tokens WHERE session_id = $1 AND used_at < now() - $2::interval", session_id, USED_KNOWN
    )


async def revoke_session(tx: Tx, session_id: UUID, reason: str) -> None:
    # clock_timestamp, not now(): who watches for revocations looks a little back, not a whole transaction back
    await tx.execute(
        """
        UPDATE sessions SET revoked_at = clock_timestamp(), revoked_reason = $2
         WHERE id = $1 AND revoked_at IS NULL
        """,
        session_id,
        reason,
    )


async def revoke_sessions_of(tx: Tx, user_id: UUID, reason: str) -> list[UUID]:
    rows = await tx.fetch(
        """
        UPDATE sessions SET revoked_at = clock_timestamp(), revoked_reason = $2
         WHERE user_id = $1 AND revoked_at IS NULL RETURNING id
        """,
        user_id,
        reason,
    )
    return [row["id"] for row in rows]


async def revoked_lately(tx: Tx, since: timedelta) -> dict[UUID, str]:
    """Sessions revoked in the last `since`, with the reason of each."""
    rows = await tx.fetch("SELECT id, revoked_reason FROM sessions WHERE revoked_at > now() - $1::interval", since)
    return {row["id"]: row["revoked_reason"] for row in rows}


async def session_expiry(tx: Tx, session_id: UUID) -> datetime | None:
    """When a live session ends; None where it has ended."""
    expires_at: datetime | None = await tx.fetchval(
        "SELECT expires_at FROM sessions WHERE id = $1 AND revoked_at IS NULL AND expires_at > now()", session_id
    )
    return expires_at


async def forget_old_sessions(tx: Tx, batch: int = 500) -> bool:
    """A batch of sessions that ended over a day ago goes, with their tokens; whether there may be more."""
    tag = await tx.execute(
        """
        DELETE FROM sessions WHERE id = ANY(ARRAY(
            SELECT id FROM sessions WHERE expires_at < now() - interval '1 day' LIMIT $1
        ))
        """,
        batch,
    )
    return rows_changed(tag) == batch
