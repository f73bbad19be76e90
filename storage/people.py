"""Accounts: SQL on `users`."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from storage.database import Row, Tx, rows_changed

PROFILE = "id, name, email, profile_image, governorate, locale, show_presence, mail_off, created_at, updated_at"


async def add_user(tx: Tx, *, name: str, email: str, password_hash: str) -> Row | None:
    """The new account, or None where the address is taken."""
    return await tx.fetchrow(
        f"""
        INSERT INTO users (name, email, password_hash) VALUES ($1, $2, $3)
        ON CONFLICT (email) DO NOTHING RETURNING {PROFILE}
        """,
        name,
        email,
        password_hash,
    )


async def user_by_id(tx: Tx, user_id: UUID) -> Row | None:
    return await tx.fetchrow(f"SELECT {PROFILE} FROM users WHERE id = $1", user_id)


async def user_by_email(tx: Tx, email: str) -> Row | None:
    """The account with its password hash, for signing in."""
    return await tx.fetchrow(f"SELECT {PROFILE}, password_hash FROM users WHERE email = $1", email)


async def update_user(tx: Tx, user_id: UUID, changes: dict[str, Any]) -> Row:
    """The account with `changes`, a dict of column to value, made."""
    assert changes.keys() <= {"name", "profile_image", "governorate", "locale", "show_presence", "mail_off"}
    sets = "".join(f"{column} = ${place}, " for place, column in enumerate(changes, start=2))
    row = await tx.fetchrow(
        f"UPDATE users SET {sets}updated_at = now() WHERE id = $1 RETURNING {PROFILE}",
        user_id,
        *changes.values(),
    )
    assert row is not None, "a signed-in person has an account"
    return row


async def set_password(tx: Tx, user_id: UUID, password_hash: str) -> None:
    await tx.execute(
        """
        UPDATE users SET password_hash = $2, reset_token_sha256 = NULL, reset_expires_at = NULL, updated_at = now()
         WHERE id = $1
        """,
        user_id,
        password_hash,
    )


async def lock_password(tx: Tx, user_id: UUID, password_hash: str) -> bool:
    """Whether this is the person's password hash, which nobody changes until the transaction ends."""
    kept = await tx.fetchval("SELECT password_hash FROM users WHERE id = $1 FOR NO KEY UPDATE", user_id)
    return bool(kept == password_hash)


async def replace_password_hash(tx: Tx, user_id: UUID, old: str, new: str) -> None:
    """Keep the same password by another hash. Nothing changes for the person, so a reset they asked for stays good."""
    await tx.execute("UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2", user_id, old, new)


async def set_reset_token(tx: Tx, user_id: UUID, token_sha256: bytes, lifetime: timedelta) -> None:
    """From now on this token, and only this one, resets the person's password, once (C22)."""
    await tx.execute(
        "UPDATE users SET reset_token_sha256 = $2, reset_expires_at = now() + $3 WHERE id = $1",
        user_id,
        token_sha256,
        lifetime,
    )


async def take_reset_token(tx: Tx, token_sha256: bytes) -> UUID | None:
    """Whose token this is, which is used up by asking; None where it is unknown or too old."""
    user_id: UUID | None = await tx.fetchval(
        """
        UPDATE users SET reset_token_sha256 = NULL, reset_expires_at = NULL
         WHERE reset_token_sha256 = $1 AND reset_expires_at > now() RETURNING id
        """,
        token_sha256,
    )
    return user_id


async def note_seen(tx: Tx, user_ids: list[UUID]) -> int:
    tag = await tx.execute("UPDATE users SET last_seen_at = now() WHERE id = ANY($1)", user_ids)
    return rows_changed(tag)


async def is_empty(tx: Tx) -> bool:
    """Whether nobody has ever registered here."""
    return not await tx.fetchval("SELECT EXISTS (SELECT FROM users)")
