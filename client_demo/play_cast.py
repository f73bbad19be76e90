"""Who plays the ring: people of the demo market, asked in as they are needed; on a market without them, new people."""

import secrets

from client_demo.connection import Person
from client_demo.narrator import Narrator
from client_demo.patience import Patience
from client_demo.play_steps import Actor, come_in
from client_demo.wire import Refused

PASSWORD = "swap-loop-demo"  # noqa: S105 - of the people of the demo market; everyone may know it
PEOPLE = {  # those of the demo market, and their colours
    "salma": "#f2a65a",
    "hana": "#7fa7f0",
    "nour": "#c79bf0",
    "mona": "#e3c567",
    "omar": "#7fd0e0",
    "layla": "#f09ab8",
    "karim": "#9fd08a",
    "youssef": "#d0a08a",
}
SEEKERS = ("salma", "hana", "nour")  # the others' rings are left for whoever looks around afterwards
PARTIES = 3


class Cast:
    """The people of the demo market as far as they have been asked in; on a market without them, new people."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._actors: dict[str, Actor] = {}
        self._away: set[str] = set()  # who could not sign in

    def all(self) -> list[Actor]:
        return list(self._actors.values())

    async def actor(self, key: str) -> Actor | None:
        """Somebody of the demo market, signed in; None where this market does not know them."""
        if key not in self._actors and key not in self._away:
            actor = Actor(key.capitalize(), f"{key}@demo.swaploop.example", PASSWORD, self._person())
            try:
                await actor.person.sign_in(actor.email, actor.password)
            except Refused:
                self._away.add(key)
                await actor.person.close()
            else:
                self._actors[key] = actor
        return self._actors.get(key)

    async def three(self, narrator: Narrator) -> list[Actor]:
        """Three who can list things: people of the demo market, else new ones."""
        known = [actor for key in PEOPLE if (actor := await self.actor(key)) is not None][:PARTIES]
        if len(known) == PARTIES:
            return known
        tag = secrets.token_hex(3)
        for key in list(PEOPLE)[:PARTIES]:
            actor = Actor(key.capitalize(), f"{key}.{tag}@example.org", secrets.token_urlsafe(12), self._person())
            self._actors[f"{key}.{tag}"] = actor
            await come_in(narrator, actor)
        return self.all()[-PARTIES:]

    async def close(self) -> None:
        for actor in self._actors.values():
            await actor.person.close()

    def _person(self) -> Person:
        return Person(self._url, patience=Patience(call_seconds_max=8.0))
