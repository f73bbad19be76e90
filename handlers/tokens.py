"""Access tokens (JWT, RFC 7519, by PyJWT): short-lived, typed, and naming a session that can be revoked.

Refresh and reset tokens are random; what is stored is their digest, and only who holds one can use it.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import jwt

from matching.refusals import TokenExpired, Unauthenticated

ALGORITHM = "HS256"
TYPE = "at+jwt"  # RFC 9068: a token of another type, made with the same key, is no access token
ISSUER = "swaploop"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling, by which session, and until when the token says so."""

    user_id: UUID
    session_id: UUID
    expires_at: datetime
    user: str = field(init=False)  # as text, for the log

    def __post_init__(self) -> None:
        object.__setattr__(self, "user", str(self.user_id))


class Tokens:
    def __init__(self, secret_key: str, access_lifetime: timedelta) -> None:
        assert len(secret_key.encode()) >= 32, "checked with the settings"
        self._key = secret_key
        self.access_lifetime = access_lifetime

    def issue(self, user_id: UUID, session_id: UUID) -> str:
        now = datetime.now(UTC)
        claims = {
            "iss": ISSUER,
            "sub": str(user_id),
            "sid": str(session_id),
            "iat": now,
            "exp": now + self.access_lifetime,
        }
        return jwt.encode(claims, self._key, ALGORITHM, headers={"typ": TYPE})

    def read(self, token: object) -> Caller:
        """Who the access token says. Raises TokenExpired, or Unauthenticated for anything else that is wrong with it."""
        if not isinstance(token, str) or not token:
            raise Unauthenticated
        try:
            decoded = jwt.decode_complete(
                token,
                self._key,
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                options={"require": ["sub", "sid", "exp", "iat", "iss"]},
            )
            claims = decoded["payload"]
            if decoded["header"].get("typ") != TYPE:
                raise Unauthenticated
            return Caller(UUID(claims["sub"]), UUID(claims["sid"]), datetime.fromtimestamp(claims["exp"], UTC))
        except jwt.ExpiredSignatureError:
            raise TokenExpired from None
        except (jwt.InvalidTokenError, ValueError, AttributeError, TypeError):
            raise Unauthenticated from None

    def next_refresh_token(self, old: str, key: str | None) -> str:
        """What follows the refresh token `old`. With an idempotency key it is the same whenever it is asked for again.

        It cannot be kept as other first answers are, since only digests of tokens are stored; it is made again instead, which
        nobody can do without the old token, the key, and ours.
        """
        if key is None:
            return new_secret()
        made = hmac.digest(self._key.encode(), f"refresh {old} {key}".encode(), "sha256")
        return base64.urlsafe_b64encode(made).rstrip(b"=").decode()


def new_secret() -> str:
    """A token to hand out: 256 random bits."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """What is kept of a token. It is random, so one SHA-256 hides it as well as a slow hash would."""
    return hashlib.sha256(secret.encode()).digest()
