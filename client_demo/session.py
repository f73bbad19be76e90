"""A signed-in session: the token pair, when to renew it, and the REST calls that need no token."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from client_demo.patience import Patience
from client_demo.rest_door import RestDoor
from client_demo.wire import Data, Refused, RestCall, Unreachable, new_key

SESSION_OVER = ("UNAUTHENTICATED", "TOKEN_EXPIRED", "INVALID_CREDENTIALS")


class Session:
    """Nobody at first; somebody from `sign_in` to `sign_out`. `on_renewed` is told each new access token."""

    def __init__(self, rest: RestDoor, patience: Patience, on_renewed: Callable[[str], Awaitable[None]]) -> None:
        self.user: Data = {}
        self.access_token: str | None = None
        self.renew_due_at = float("inf")  # on the running loop's clock
        self._rest = rest
        self._patience = patience
        self._on_renewed = on_renewed
        self._refresh_token: str | None = None
        self._renewal_key = new_key()  # of the refresh token: a renewal whose answer was lost is asked for again, not anew
        self._renewing = asyncio.Lock()

    async def register(self, name: str, email: str, password: str) -> Data:
        """Create the account. Does not sign in. Raises Refused (EMAIL_TAKEN, INVALID_REQUEST, …) or Unreachable."""
        answer = await self._post("/auth/register", {"name": name, "email": email, "password": password})
        user: Data = answer["user"]
        return user

    async def sign_in(self, email: str, password: str) -> None:
        """Take out tokens. Raises Refused (INVALID_CREDENTIALS, RATE_LIMITED, …) or Unreachable."""
        self._keep(await self._post("/auth/login", {"email": email, "password": password}))

    async def sign_out(self) -> None:
        """Forget the tokens, and end the session at the server if it can be reached."""
        refresh_token, self._refresh_token, self.access_token = self._refresh_token, None, None
        if refresh_token is not None:
            with contextlib.suppress(Refused, Unreachable):
                await self._post("/auth/logout", {"refreshToken": refresh_token})

    async def renew(self, failed_token: str | None = None) -> None:
        """Trade the refresh token for a new pair. One at a time; who comes late with the same `failed_token` shares it.

        Raises Refused (a code of SESSION_OVER: sign in again) or Unreachable.
        """
        async with self._renewing:
            if failed_token is not None and failed_token != self.access_token:
                return
            if self._refresh_token is None:
                raise Refused("UNAUTHENTICATED", "You are signed out.")
            self._keep(await self._post("/auth/refresh", {"refreshToken": self._refresh_token}, self._renewal_key))
            await self._on_renewed(self.token())

    def token(self) -> str:
        """The access token. Raises Refused when nobody is signed in."""
        if self.access_token is None:
            raise Refused("UNAUTHENTICATED", "You are signed out.")
        return self.access_token

    def renew_is_due(self) -> bool:
        return asyncio.get_running_loop().time() >= self.renew_due_at

    def postpone_renewal(self) -> None:
        """The server could not renew just now: the old token still lives, try again a little later."""
        self.renew_due_at = asyncio.get_running_loop().time() + self._patience.backoff_max_seconds

    def _keep(self, answer: Data) -> None:
        self.access_token = answer["accessToken"]
        self._refresh_token, self._renewal_key = answer["refreshToken"], new_key()
        self.user = answer.get("user") or self.user
        life_seconds = float(answer["expiresIn"])
        self.renew_due_at = asyncio.get_running_loop().time() + life_seconds * self._patience.renew_at_share

    async def _post(self, path: str, body: Data, key: str | None = None) -> Data:
        call = RestCall("POST", path, {}, body, key or new_key())
        answer = await self._patience.until_answered(lambda attempt_seconds: self._rest.ask(call, None, attempt_seconds))
        return answer if isinstance(answer, dict) else {}
