"""The small pages: what this is, and the form that a reset mail leads to (`server.mail`)."""

from handlers.accounts import ResetPassword
from server.descriptions.markup import Page, file, page
from server.descriptions.openapi import SUMMARY, TITLE
from server.descriptions.schemas import Schema, Shapes


def landing_page(version: str) -> Page:
    return page("landing.html", title=TITLE, summary=SUMMARY, version=version)


def reset_page(shapes: Shapes) -> Page:
    password: Schema = shapes.resolved(shapes.of(ResetPassword))["properties"]["newPassword"]
    return page(
        "reset.html",
        script=file("reset.js"),
        title=TITLE,
        least=password["minLength"],
        most=password["maxLength"],
    )
