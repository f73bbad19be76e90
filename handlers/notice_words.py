"""A notification as a sentence, to its reader. Apps that speak another language make their own from its kind and data."""

from msgspec import UNSET, UnsetType

from handlers.notices import Notice, NoticeData
from matching.deal import RINGS, Kind

TITLE_LENGTH_MAX = 60  # of an item; it is a reminder of which one

SENTENCES = {
    Notice.OFFER: "{by} offers you {gets} for {gives}",
    Notice.INTEREST: "{by} is interested in {what}",
    Notice.COUNTER: "{by} offers you {gets} for {gives} instead",
    Notice.RING: "{by} proposes {what}",
    Notice.YES_MISSING: "Your answer is missing for {what}",
    Notice.ACCEPTED: "{by} said yes to {what}",
    Notice.EXECUTED: "{by} has done their part of {what}",
    Notice.COMPLETED: "Completed: {what}",
    Notice.REJECTED: "{by} said no to {what}",
    Notice.CANCELLED: "{by} called off {what}",
    Notice.CANCEL_ASKED: "{by} would like to call off {what}",
    Notice.DISPUTED: "{by} reports a problem with {what}",
    Notice.TERMS_CHANGED: "{by} edited an item in {what}",
    Notice.EXPIRED: "Nobody confirmed {what} in time",
    Notice.OVERDUE: "Not completed yet: {what}",
    Notice.RING_FOUND: "There is another ring for {item}",
}
FOR_A_RING = {Notice.ACCEPTED: "Everybody said yes to {what}", Notice.EXPIRED: "Not everybody said yes in time to {what}"}
BY_NOBODY = {Notice.REJECTED: "Come to nothing: {what}"}  # another deal, or an item that was taken off the market


def sentence(notice: Notice, kind: Kind, data: NoticeData) -> str:
    """One line, without a full stop. Every text in it comes from people: it is not to be taken for markup."""
    template = SENTENCES[notice]
    if kind in RINGS:
        template = FOR_A_RING.get(notice, template)
    if data.by is UNSET:
        template = BY_NOBODY.get(notice, template)
    return template.format(
        by="Somebody" if data.by is UNSET else one_line(data.by.name),
        gives=items_said(data.gives),
        gets=items_said(data.gets),
        what=_what(kind, data),
        item=items_said(UNSET if data.item_title is UNSET else [data.item_title]),
    )


def items_said(titles: list[str] | UnsetType) -> str:
    """“A camera” and 2 more"""
    if not titles:
        return "nothing"
    first = one_line(titles[0])
    if len(first) > TITLE_LENGTH_MAX:
        first = f"{first[: TITLE_LENGTH_MAX - 1]}…"
    return f"“{first}”" + (f" and {len(titles) - 1} more" if len(titles) > 1 else "")


def one_line(text: str) -> str:
    return " ".join(text.split())


def _what(kind: Kind, data: NoticeData) -> str:
    exchange = f"{items_said(data.gives)} for {items_said(data.gets)}"
    if kind not in RINGS:
        return f"the swap of {exchange}"
    name = f"the {'ring' if kind is Kind.CYCLE else 'chain'} of {data.participants}"
    if not data.gets:
        return f"{name} that takes {items_said(data.gives)}"
    if not data.gives:
        return f"{name} that brings {items_said(data.gets)}"
    return f"{name} that swaps {exchange}"
