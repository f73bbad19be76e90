"""What each move of a deal brings, in every state, by everybody in it: written from requirements.md, not from the code.

The rules are held against these tables as they are (`test_deal_rules`), and so is the whole server, through both doors
(`test_trade_table`, `test_offer_table`, `test_ring_table`).

A cell is the status that the move brings about, in the engine's words, or:
asked      noted, and it waits for somebody else        again    they had said so before; nothing changes
not-yours  not theirs to do                             no       not to be done in this state
too-late   it has expired; of a ring: over              already  they have answered, and cannot answer anew
begun      somebody has handed their item over by now
"""

from typing import NamedTuple

CODES = {
    "not-yours": "FORBIDDEN",
    "no": "INVALID_STATE",
    "too-late": "OFFER_EXPIRED",
    "over": "CHAIN_EXPIRED",
    "already": "ALREADY_RESPONDED",
    "begun": "CHAIN_IN_EXECUTION",
    "not-there": "NOT_FOUND",
    "not-in-it": "NOT_PARTICIPANT",
}

# What the doors print for the engine's words (C1, C15, C26). S1 has five of its own.
S1_WORDS = {"countered": "negotiating", "cancelled": "rejected", "expired": "rejected", "disputed": "confirmed"}
S2_WORDS = {"proposed": "PENDING", "negotiating": "PENDING", "countered": "COUNTER_OFFERED", "confirmed": "ACCEPTED"}
RING_WORDS = {"negotiating": "PENDING", "confirmed": "ACCEPTED"}


class Cell(NamedTuple):
    state: str
    who: str
    move: str
    answer: str


class Row(NamedTuple):
    """What one person is refused in one state, by move."""

    state: str
    who: str
    refused: dict[str, str]


class Table(NamedTuple):
    """Cells, and how a deal comes to each of their states: who makes which move, and what time does."""

    moves: list[str]
    cells: list[Cell]
    comes_by: dict[str, str]

    @property
    def allowed(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.answer not in CODES]

    def refusals(self, strangers: str) -> list[Row]:
        """What those in it are refused, and all that a stranger, and who has not signed in, are answered in any state."""
        rows: dict[tuple[str, str], Row] = {}
        for state, who, move, answer in self.cells:
            if answer in CODES:
                rows.setdefault((state, who), Row(state, who, {})).refused[move] = CODES[answer]
        others = (("stranger", CODES[strangers]), ("nobody", "UNAUTHENTICATED"))
        outside = [Row(state, who, dict.fromkeys(self.moves, code)) for state in self.comes_by for who, code in others]
        return [*rows.values(), *outside]


def table(text: str, comes_by: dict[str, str]) -> Table:
    heads, *rows = [line.split() for line in text.strip().splitlines()]
    cells = []
    for state, who, *answers in rows:
        cells += [Cell(state, who, move, answer) for move, answer in zip(heads, answers, strict=True)]
    assert {cell.state for cell in cells} == comes_by.keys()
    return Table(heads, cells, comes_by)


def row_name(row: Row | Cell | str) -> str:
    return row if isinstance(row, str) else "-".join(part for part in row if isinstance(part, str))


# S1.34 to S1.56, S2.37 to S2.48, C1 to C5, C14, C35: trades and offers are one machine, which is moved by both models' moves.
# After a counter-offer the roles flip, and each has terms on the table to take back. What is accepted is not cancelled, which
# is the column `cancel`, at offer:cancel (S2.41): `let-go`, at trade:cancel, calls it off (C14). `done` is as each kind has it.
SWAP = """
                              interest     accept     confirm    counter    reject     cancel     let-go     complete   dispute
proposed           requester  not-yours    not-yours  no         not-yours  not-yours  cancelled  cancelled  no         no
proposed           owner      negotiating  confirmed  no         countered  rejected   not-yours  not-yours  no         no
negotiating        requester  no           not-yours  not-yours  not-yours  not-yours  cancelled  cancelled  no         no
negotiating        owner      no           confirmed  confirmed  countered  rejected   not-yours  not-yours  no         no
countered          requester  no           confirmed  confirmed  countered  rejected   cancelled  cancelled  no         no
countered          owner      no           not-yours  not-yours  not-yours  not-yours  cancelled  cancelled  no         no
countered-back     requester  no           not-yours  not-yours  not-yours  not-yours  cancelled  cancelled  no         no
countered-back     owner      no           confirmed  confirmed  countered  rejected   cancelled  cancelled  no         no
proposed-late      requester  too-late     too-late   too-late   too-late   too-late   too-late   too-late   too-late   too-late
proposed-late      owner      too-late     too-late   too-late   too-late   too-late   too-late   too-late   too-late   too-late
negotiating-late   requester  too-late     too-late   too-late   too-late   too-late   too-late   too-late   too-late   too-late
negotiating-late   owner      too-late     too-late   too-late   too-late   too-late   too-late   too-late   too-late   too-late
countered-late     requester  too-late     too-late   too-late   too-late   too-late   too-late   too-late   too-late   too-late
countered-late     owner      too-late     too-late   too-late   too-late   too-late   too-late   too-late   too-late   too-late
expired            requester  too-late     too-late   too-late   too-late   too-late   too-late   too-late   too-late   too-late
expired            owner      too-late     too-late   too-late   too-late   too-late   too-late   too-late   too-late   too-late
confirmed          requester  no           no         no         no         no         no         asked      done       disputed
confirmed          owner      no           no         no         no         no         no         asked      done       disputed
confirmed-let-go   requester  no           no         no         no         no         no         again      done       disputed
confirmed-let-go   owner      no           no         no         no         no         no         cancelled  done       disputed
confirmed-overdue  requester  no           no         no         no         no         cancelled  cancelled  done       disputed
confirmed-overdue  owner      no           no         no         no         no         cancelled  cancelled  done       disputed
disputed           requester  no           no         no         no         no         no         asked      asked      no
disputed           owner      no           no         no         no         no         no         asked      asked      no
disputed-received  requester  no           no         no         no         no         no         asked      again      no
disputed-received  owner      no           no         no         no         no         no         asked      completed  no
disputed-overdue   requester  no           no         no         no         no         cancelled  cancelled  asked      no
disputed-overdue   owner      no           no         no         no         no         cancelled  cancelled  asked      no
completed          requester  no           no         no         no         no         no         no         no         no
completed          owner      no           no         no         no         no         no         no         no         no
rejected           requester  no           no         no         no         no         no         no         no         no
rejected           owner      no           no         no         no         no         no         no         no         no
cancelled          requester  no           no         no         no         no         no         no         no         no
cancelled          owner      no           no         no         no         no         no         no         no         no
"""
# Only between two who must both say that it is done can one have said so.
OF_BOTH = """
confirmed-received requester  no           no         no         no         no         no         asked      again      disputed
confirmed-received owner      no           no         no         no         no         no         asked      completed  disputed
received-disputed  requester  no           no         no         no         no         no         asked      again      no
received-disputed  owner      no           no         no         no         no         no         asked      completed  no
"""
SWAP_COMES_BY = {
    "proposed": "",
    "negotiating": "owner:interest",
    "countered": "owner:counter",
    "countered-back": "owner:interest owner:counter requester:counter",
    "proposed-late": "time:expiry",
    "negotiating-late": "owner:interest time:expiry",
    "countered-late": "owner:counter time:expiry",
    "expired": "owner:interest time:expiry time:sweep",
    "confirmed": "owner:interest owner:confirm",
    "confirmed-let-go": "owner:accept requester:let-go",  # by the requester, who waits for the owner
    "confirmed-overdue": "owner:counter requester:confirm time:deadline",
    "disputed": "owner:interest owner:accept owner:dispute",
    "disputed-received": "owner:accept owner:dispute requester:complete",
    "disputed-overdue": "owner:counter requester:accept owner:dispute time:deadline",
    "rejected": "owner:interest owner:reject",
    "cancelled": "requester:cancel",
}
# What was opened as a trade is completed by either; what was as an offer, by both (C2).
TRADE = table(SWAP.replace("done", "completed"), SWAP_COMES_BY | {"completed": "owner:accept requester:complete"})
OFFER = table(
    SWAP.replace("done", "asked") + OF_BOTH.lstrip("\n"),
    SWAP_COMES_BY
    | {
        "completed": "owner:interest owner:confirm requester:complete owner:complete",
        "confirmed-received": "owner:accept requester:complete",
        "received-disputed": "owner:interest owner:confirm requester:complete owner:dispute",
    },
)

# S2.60, S2.64 to S2.72, S2.106, C14, C27, C28, C30, C31: rings of three, cycles and chains alike.
RING = table(
    """
                               accept       reject    execute    cancel     withdraw   dispute
proposed            initiator  negotiating  rejected  no         cancelled  no         no
proposed            second     negotiating  rejected  no         not-yours  no         no
proposed            third      negotiating  rejected  no         not-yours  no         no
one-yes             initiator  asked        rejected  no         cancelled  no         no
one-yes             second     already      already   no         not-yours  no         no
one-yes             third      confirmed    rejected  no         not-yours  no         no
own-yes             initiator  already      already   no         cancelled  no         no
own-yes             second     asked        rejected  no         not-yours  no         no
own-yes             third      asked        rejected  no         not-yours  no         no
two-yeses           initiator  already      already   no         cancelled  no         no
two-yeses           second     already      already   no         not-yours  no         no
two-yeses           third      confirmed    rejected  no         not-yours  no         no
proposed-late       initiator  over         over      over       over       over       over
proposed-late       second     over         over      over       over       over       over
one-yes-late        second     over         over      over       over       over       over
one-yes-late        third      over         over      over       over       over       over
expired             initiator  over         over      over       over       over       over
expired             second     over         over      over       over       over       over
confirmed           initiator  again        no        asked      cancelled  cancelled  disputed
confirmed           second     already      no        asked      not-yours  cancelled  disputed
confirmed           third      already      no        asked      not-yours  cancelled  disputed
confirmed-begun     initiator  again        no        asked      begun      begun      disputed
confirmed-begun     second     already      no        again      not-yours  begun      disputed
confirmed-begun     third      already      no        asked      not-yours  begun      disputed
confirmed-nearly    initiator  again        no        completed  begun      begun      disputed
confirmed-nearly    third      already      no        again      not-yours  begun      disputed
begun-overdue       initiator  again        no        asked      cancelled  cancelled  disputed
begun-overdue       second     already      no        again      not-yours  cancelled  disputed
begun-overdue       third      already      no        asked      not-yours  cancelled  disputed
disputed            initiator  already      no        asked      no         asked      no
disputed            second     already      no        asked      no         asked      no
disputed-nearly     initiator  already      no        completed  no         asked      no
disputed-nearly     third      already      no        again      no         asked      no
disputed-let-go     initiator  already      no        asked      no         cancelled  no
disputed-let-go     second     already      no        asked      no         again      no
disputed-overdue    third      already      no        asked      no         cancelled  no
completed           initiator  already      no        no         no         no         no
completed           third      already      no        no         no         no         no
rejected            initiator  no           no        no         no         no         no
rejected            second     already      already   no         no         no         no
rejected            third      no           no        no         no         no         no
rejected-later      second     already      already   no         no         no         no
rejected-later      third      already      already   no         no         no         no
cancelled           initiator  no           no        no         no         no         no
cancelled           third      no           no        no         no         no         no
withdrawn           initiator  already      no        no         no         no         no
withdrawn           second     already      no        no         no         no         no
""",
    {
        "proposed": "",
        "one-yes": "second:accept",
        "own-yes": "initiator:accept",
        "two-yeses": "second:accept initiator:accept",
        "proposed-late": "time:expiry",
        "one-yes-late": "second:accept time:expiry",
        "expired": "second:accept time:expiry time:sweep",
        "confirmed": "second:accept third:accept",
        "confirmed-begun": "second:accept third:accept second:execute",
        "confirmed-nearly": "second:accept third:accept second:execute third:execute",
        "begun-overdue": "second:accept third:accept second:execute time:deadline",
        "disputed": "second:accept third:accept third:dispute",
        "disputed-nearly": "second:accept third:accept second:execute third:execute second:dispute",
        "disputed-let-go": "second:accept third:accept third:dispute second:withdraw third:withdraw",
        "disputed-overdue": "second:accept third:accept third:dispute time:deadline",
        "completed": "third:accept second:accept initiator:execute second:execute third:execute",
        "rejected": "second:reject",
        "rejected-later": "second:accept third:reject",
        "cancelled": "initiator:cancel",
        "withdrawn": "second:accept third:accept second:withdraw",
    },
)
