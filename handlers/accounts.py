"""Accounts and sign-in: register, login, refresh, logout, forgot and reset (S1.10 to S1.18, C22 to C24, C71). REST only."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from msgspec import Meta

from handlers.action import Call, Done, Input, Limit, Output, Work, action
from handlers.tokens import digest, new_secret
from handlers.types import Email, Name
from handlers.users import Profile
from matching.refusals import EmailTaken, InvalidCredentials, InvalidRequest, ResetInvalid, Unauthenticated
from storage.database import Row
from storage.mails import queue_reset_mail
from storage.people import (
    add_user,
    lock_password,
    replace_password_hash,
    set_password,
    take_reset_token,
    user_by_email,
    user_by_id,
)
from storage.sessions import (
    add_refresh_token,
    is_unused,
    lock_refresh_token,
    open_session,
    revoke_session,
    revoke_sessions_of,
    use_refresh_token,
)

NewPassword = Annotated[str, Meta(min_length=8, max_length=128)]
AnyPassword = Annotated[str, Meta(max_length=1024)]
Secret = Annotated[str, Meta(min_length=1, max_length=200)]

# The hash may change while a password is verified: by a reset, which the second look finds out, or by another sign-in that
# replaced a bcrypt hash of the same password.
LOGIN_TRIES = 2


class Register(Input):
    name: Name
    email: Email
    password: NewPassword


class Registered(Output):
    user: Profile


class Login(Input):
    email: Email
    password: AnyPassword


class Refresh(Input):
    refresh_token: Secret


class ForgotPassword(Input):
    email: Email


class ResetPassword(Input):
    token: Secret
    new_password: NewPassword


class SignedIn(Output):
    access_token: str
    refresh_token: str
    expires_in: Annotated[int, Meta(description="Seconds that the access token lasts.")]
    user: Profile


def _address(email: str) -> str:
    return email.strip().lower()


@action(
    None,
    route="POST /auth/register",
    refuses=(EmailTaken,),
    limit=Limit.AUTH,
    work=Work.OWN,
    public=True,
    status=201,
    says="Account created successfully",
)
async def register(call: Call, ask: Register) -> Registered:
    """Create an account. (S1.10, S1.17)"""
    if _address(ask.email) in ask.password.lower():
        raise InvalidRequest("The password cannot be the e-mail address.", field="password")
    password_hash = await call.app.passwords.hash(ask.password)
    async with call.app.database.transaction() as tx:
        row = await add_user(tx, name=ask.name.strip(), email=_address(ask.email), password_hash=password_hash)
        if row is None:
            raise EmailTaken(field="email")
        return Registered(user=Profile.of(row))


@action(
    None,
    route="POST /auth/login",
    refuses=(InvalidCredentials,),
    limit=Limit.AUTH,
    work=Work.OWN,
    public=True,
    says="Signed in successfully",
)
async def login(call: Call, ask: Login) -> SignedIn:
    """Sign in. An unknown address and a wrong password get the same answer, after the same work. (S1.11, S1.14, C23)"""
    for _ in range(LOGIN_TRIES):
        async with call.app.database.connection() as tx:
            row = await user_by_email(tx, _address(ask.email))
        right, replacement = await call.app.passwords.verify(ask.password, row["password_hash"] if row else None)
        if not right or row is None:
            raise InvalidCredentials
        async with call.app.database.transaction() as tx:
            if not await lock_password(tx, row["id"], row["password_hash"]):
                continue
            if replacement is not None:
                await replace_password_hash(tx, row["id"], row["password_hash"], replacement)
            session_id = await open_session(tx, row["id"], call.app.refresh_lifetime)
            secret = new_secret()
            await add_refresh_token(tx, session_id, digest(secret))
        return _signed_in(call, session_id, secret, row)
    raise InvalidCredentials


@action(
    None,
    route="POST /auth/refresh",
    refuses=(Unauthenticated,),
    limit=Limit.SIGNAL,  # nobody guesses 256 bits, and a household shares an address
    work=Work.OWN,
    public=True,
    says="Session renewed",
)
async def refresh(call: Call, ask: Refresh) -> SignedIn:
    """Exchange a refresh token for new ones. A token that comes a second time was stolen: its session ends. (C71)

    Not so with the idempotency key of the first time: then the answer was lost, and the same refresh token is given again.
    """
    old = digest(ask.refresh_token)
    following = call.app.tokens.next_refresh_token(ask.refresh_token, call.key)
    async with call.app.database.transaction() as tx:
        found = await lock_refresh_token(tx, old)
        if found is not None and found["live"]:
            session_id: UUID = found["session_id"]
            row = await user_by_id(tx, found["user_id"])
            assert row is not None, "a session has a person"
            if not found["used"]:
                await use_refresh_token(tx, old, session_id, call.app.refresh_lifetime)
                await add_refresh_token(tx, session_id, digest(following))
                return _signed_in(call, session_id, following, row)
            if call.key is not None and await is_unused(tx, session_id, digest(following)):
                return _signed_in(call, session_id, following, row)
            await revoke_session(tx, session_id, "refresh token reused")
            call.app.revoked.add(session_id)
    raise Unauthenticated


@action(None, route="POST /auth/logout", limit=Limit.SIGNAL, work=Work.OWN, public=True, says="Signed out")
async def logout(call: Call, ask: Refresh) -> Done:
    """End the session that the refresh token belongs to; its sockets are told, and end too. (C71)"""
    async with call.app.database.transaction() as tx:
        found = await lock_refresh_token(tx, digest(ask.refresh_token))
        if found is not None and found["live"]:
            await revoke_session(tx, found["session_id"], "signed out")
    if found is not None:
        call.app.revoked.add(found["session_id"])
    return Done()


@action(
    None,
    route="POST /auth/forgot-password",
    limit=Limit.AUTH,
    work=Work.OWN,
    public=True,
    says="If there is an account with this address, a mail with a reset link is on its way.",
)
async def forgot_password(call: Call, ask: ForgotPassword) -> Done:
    """Ask for a reset mail. The answer is the same for any address. (S1.12, S1.16, C23)"""
    async with call.app.database.connection() as tx:
        await queue_reset_mail(tx, _address(ask.email))
    return Done()


@action(
    None,
    route="POST /auth/reset-password",
    refuses=(ResetInvalid,),
    limit=Limit.AUTH,
    work=Work.OWN,
    public=True,
    says="Password changed. Please sign in.",
)
async def reset_password(call: Call, ask: ResetPassword) -> Done:
    """Set a new password by the token from the mail, once; every session of the account ends. (S1.13, S1.18, C22)"""
    password_hash = await call.app.passwords.hash(ask.new_password)
    async with call.app.database.transaction() as tx:
        user_id = await take_reset_token(tx, digest(ask.token))
        if user_id is None:
            raise ResetInvalid(field="token")
        await set_password(tx, user_id, password_hash)
        ended = await revoke_sessions_of(tx, user_id, "password reset")
    call.app.revoked.update(ended)
    return Done()


def _signed_in(call: Call, session_id: UUID, refresh_token: str, row: Row) -> SignedIn:
    lifetime: timedelta = call.app.tokens.access_lifetime
    return SignedIn(
        access_token=call.app.tokens.issue(row["id"], session_id),
        refresh_token=refresh_token,
        expires_in=int(lifetime.total_seconds()),
        user=Profile.of(row),
    )
