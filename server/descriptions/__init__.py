"""What describes the server, generated from its one definition: OpenAPI, AsyncAPI, and pages for people."""

import gzip
from hashlib import sha256
from importlib.metadata import version as version_of

import msgspec
from aiohttp import ETag, web

from server.config import Config
from server.descriptions.asyncapi import asyncapi_document
from server.descriptions.docs_page import docs_page
from server.descriptions.markup import Page
from server.descriptions.openapi import openapi_document
from server.descriptions.pages import landing_page, reset_page
from server.descriptions.schemas import shapes


def add_description_routes(application: web.Application, config: Config) -> None:
    """Everything is built here, once: it takes about as long as one sign-in."""
    version = version_of("swaploop")
    known = shapes()
    documents = {
        "/openapi.json": openapi_document(known, version),
        "/asyncapi.json": asyncapi_document(known, version, config.public_url),
    }
    pages = {
        "/": landing_page(version),
        "/docs": docs_page(known, version, config.public_url),
        "/reset-password": reset_page(known),
    }
    for path, document in documents.items():
        # Anyone's tools may read them: they tell nothing but what this page tells
        application.router.add_get(
            path, _Kept(msgspec.json.encode(document), "application/json", {"Access-Control-Allow-Origin": "*"}).answer
        )
    for path, shown in pages.items():
        application.router.add_get(path, _Kept(shown.body, "text/html", _safe(shown)).answer)


def _safe(shown: Page) -> dict[str, str]:
    return {
        "Content-Security-Policy": shown.policy,
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
    }


class _Kept:
    """A body that stays the same for as long as the process lives."""

    def __init__(self, body: bytes, content_type: str, headers: dict[str, str]) -> None:
        self._body = body
        self._small = gzip.compress(body, mtime=0)
        self._content_type = content_type
        self._headers = headers | {"Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        self._etag = sha256(body).hexdigest()[:32]

    async def answer(self, request: web.Request) -> web.Response:
        if any(tag.value in (self._etag, "*") for tag in request.if_none_match or ()):
            response = web.Response(status=304, headers=self._headers)
        else:
            small = "gzip" in request.headers.get("Accept-Encoding", "")
            headers = self._headers | ({"Content-Encoding": "gzip"} if small else {})
            response = web.Response(
                body=self._small if small else self._body, content_type=self._content_type, charset="utf-8", headers=headers
            )
        response.etag = ETag(self._etag, is_weak=True)  # it is the same text, packed or not
        return response
