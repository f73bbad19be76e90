"""What a trade and an offer have in common: one machine behind two doors, in the words of whichever it was opened by. Pure."""

from dataclasses import dataclass

from client_demo.deals import Deal, Move, NameOf

COUNTER = Move("counter", "f5", "Counter", "", "plain")


@dataclass(frozen=True, kw_only=True)
class Swap(Deal):
    """A deal of two."""

    awaiting: tuple[str, ...]  # whose answer, or word that it is done, it waits for
    cancel_asked_by: tuple[str, ...]  # who would call it off, once it is agreed

    @property
    def disputed(self) -> bool:
        return self.status == "disputed"

    def yes(self, verb: str, label: str) -> Move:
        """Agree to the terms on the screen."""
        question = (
            f"{label} revision {self.revision}: you give {self.names_of(self.gives)}, you get {self.names_of(self.gets)}? "
            "Both are then held for this swap, and every other proposal for them is declined."
        )
        return Move(verb, "f3", label, question, "good")

    def ways_out(self) -> list[Move]:
        """Either side's, once the items are held: both call it off, one alone when it is overdue, or one reports a problem."""
        moves = []
        if self.overdue:
            question = "Call the swap off? The items become free again."
            moves.append(Move("cancel", "f9", "Call off", question, "bad", asks_reason=True))
        elif self.me not in self.cancel_asked_by:
            they_asked = bool(self.cancel_asked_by)
            label = "Agree to call off" if they_asked else "Ask to call off"
            question = "Ask to call the swap off? It is off once the other side asks too."
            if they_asked:
                question = "Call the swap off, as the other side asks? The items become free again."
            moves.append(Move("cancel", "f9", label, question, "bad", asks_reason=True))
        if not self.disputed:
            moves.append(Move("dispute", "f10", "Problem", "Report a problem with this swap?", "plain", asks_reason=True))
        return moves

    def trouble(self, name: NameOf) -> str:
        """What stands in the way of completing what was agreed; empty: nothing."""
        parts = [f"problem: {self.reason}"] if self.disputed else []
        if self.cancel_asked_by:
            asks = "you asked" if self.me in self.cancel_asked_by else f"{name(self.others[0])} asks"
            why = f": {self.reason}" if self.reason and not self.disputed else ""
            parts.append(f"{asks} to call it off{why}")
        if self.overdue:
            parts.append("overdue: settle it")
        return "; ".join(parts)
