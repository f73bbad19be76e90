"""The live socket's own sign-in."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from handlers.action import Call, Input, Limit, Output, Work, action
from matching.refusals import Forbidden


class RenewSession(Input):
    token: Annotated[str, Meta(min_length=1, max_length=4096)]


class Renewed(Output):
    expires_at: datetime


@action("session:renew", route=None, refuses=(Forbidden,), limit=Limit.SIGNAL, work=Work.OWN, says="Session renewed")
async def renew_session(call: Call, ask: RenewSession) -> Renewed:
    """Let the live socket go on with a fresh access token of the same person. (C71)"""
    caller = call.app.tokens.read(ask.token)
    if caller.user_id != call.user_id or caller.session_id in call.app.revoked:
        raise Forbidden("This token is not for the person on this connection.", field="token")
    call.app.live.renew(call.socket, caller.session_id, caller.expires_at)
    return Renewed(expires_at=caller.expires_at)
