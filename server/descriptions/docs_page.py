"""The page /docs: every action, push, shape and refusal, for people."""

from collections.abc import Iterable

from handlers.action import ACTIONS
from handlers.app import PushBody
from handlers.dispatch import ALWAYS
from handlers.pushes import PUSHES
from matching.refusals import Refusal
from server.descriptions.actions import PREFIX, Described
from server.descriptions.chapters import Chapter, chapters
from server.descriptions.markup import Html, Page, html, inline, joined, page, paragraphs
from server.descriptions.openapi import SUMMARY, TITLE
from server.descriptions.phrases import default_of, phrase
from server.descriptions.samples import curl, javascript
from server.descriptions.schemas import Schema, Shapes, used
from server.descriptions.words import identifier, said

NONE = Html("")


def docs_page(shapes: Shapes, version: str, public_url: str) -> Page:
    described = [Described(action, shapes) for action in ACTIONS.values()]
    subjects: dict[str, list[Described]] = {}
    for one in described:
        subjects.setdefault(one.subject, []).append(one)
    mentioned = [shapes.of(one.action.output) for one in described]
    mentioned += [one.fields for one in described]
    mentioned += [shapes.resolved(shapes.of(push)) for push in PUSHES.values()]
    named = {name: schema for name, schema in used(mentioned, shapes.named).items() if "properties" in schema}
    told = chapters()
    return page(
        "docs.html",
        title=TITLE,
        summary=SUMMARY,
        version=version,
        url=public_url,
        chapter_links=_list(_entry(chapter.id, chapter.title) for chapter in told),
        subject_links=joined(_links(subject, some) for subject, some in subjects.items()),
        push_links=_list(_entry(_push_id(push), html("<code>$name</code>", name=name)) for name, push in PUSHES.items()),
        chapters=joined(_chapter(chapter) for chapter in told),
        subjects=joined(_subject(subject, some) for subject, some in subjects.items()),
        pushes=joined(_push(push, shapes) for push in PUSHES.values()),
        shapes=joined(_shape(name, schema, shapes) for name, schema in named.items()),
        refusals=joined(_refusal(kind) for kind in _kinds(described)),
    )


def _entry(anchor: str, title: str) -> Html:
    return html('<li><a href="#$anchor">$title</a></li>', anchor=anchor, title=title)


def _list(entries: Iterable[Html]) -> Html:
    return html("<ul>$entries</ul>", entries=joined(entries))


def _links(subject: str, some: list[Described]) -> Html:
    return html(
        '<h2><a href="#$anchor">$subject</a></h2>$actions',
        anchor=f"about-{subject.lower()}",
        subject=subject,
        actions=_list(_entry(one.id, _name(one)) for one in some),
    )


def _name(one: Described) -> Html:
    """An action by its event; by its route where it has none."""
    return html("<code>$name</code>", name=one.action.event or f"{one.action.method} {one.path}")


def _chapter(chapter: Chapter) -> Html:
    text = joined(html("<p>$text</p>", text=inline(part)) for part in chapter.paragraphs)
    return html(
        '<section class="chapter" id="$anchor"><h2>$title</h2>$text</section>',
        anchor=chapter.id,
        title=chapter.title,
        text=text,
    )


def _subject(subject: str, some: list[Described]) -> Html:
    return html(
        '<section class="subject" id="$anchor"><h2>$subject</h2>$about$actions</section>',
        anchor=f"about-{subject.lower()}",
        subject=subject,
        about=paragraphs(some[0].about_subject),
        actions=joined(_action(one) for one in some),
    )


def _action(one: Described) -> Html:
    doors = NONE
    if one.action.method is not None:
        doors = html(
            '<span class="method $low">$method</span> $path',
            low=one.action.method.lower(),
            method=one.action.method,
            path=html("<code>$path</code>", path=PREFIX + one.path),
        )
    else:
        doors = html('<span class="method">event</span> by socket only')
    samples = []
    if one.action.method is not None:
        samples.append(("curl", curl(one)))
    if one.action.event is not None:
        samples.append(("socket.io-client", javascript(one)))
    return html(
        """<article id="$anchor">
<div class="text"><h3><a href="#$anchor">$name</a></h3><p class="route">$doors</p>
$story$asked<h4>Answers</h4><p><code>$status</code> $shape <q>$says</q></p>$refusals<p class="limit">$limit</p></div>
<div class="samples">$samples</div>
</article>""",
        anchor=one.id,
        name=_name(one),
        doors=doors,
        story=paragraphs(one.story),
        asked=_asked(one),
        status=one.action.status,
        shape=phrase(one.shapes.of(one.action.output), one.shapes),
        says=" · ".join(one.action.says),
        refusals=_refusals(one),
        limit=inline(one.limit),
        samples=joined(_sample(name, code) for name, code in samples),
    )


def _sample(name: str, code: str) -> Html:
    return html("<figure><figcaption>$name</figcaption><pre>$code</pre></figure>", name=name, code=code)


def _asked(one: Described) -> Html:
    """The fields of an action, with where REST has them."""
    places = {name: "path" for name in one.asked["properties"] if name in one.action.path_fields}
    fields = {name: one.asked["properties"][name] for name in places} | one.fields
    rows = [
        _field(name, field, name in one.required or name in places, one.shapes, places.get(name))
        for name, field in fields.items()
    ]
    if one.takes_key:
        rows.append(
            html("<dt><code>idempotencyKey</code></dt><dd>string; by REST the header <code>Idempotency-Key</code></dd>")
        )
    return html("<h4>Asks</h4><dl>$rows</dl>", rows=joined(rows)) if rows else NONE


def _field(name: str, field: Schema, required: bool, shapes: Shapes, place: str | None = None) -> Html:
    about = next((one["description"] for one in (field, *field.get("anyOf", ())) if "description" in one), "")
    return html(
        "<dt><code>$name</code>$mark</dt><dd>$phrase$default$place$about</dd>",
        name=name,
        mark=Html('<b title="required">*</b>') if required else NONE,
        phrase=phrase(field, shapes),
        default=default_of(field),
        place=f", in the {place}" if place else "",
        about=html("<br>$about", about=inline(about)) if about else NONE,
    )


def _refusals(one: Described) -> Html:
    if not one.own_refusals:
        return NONE
    chips = joined((_chip(kind) for kind in one.own_refusals), " ")
    return html('<h4>May refuse with</h4><p class="chips">$chips</p>', chips=chips)


def _chip(kind: type[Refusal]) -> Html:
    return html(
        '<a href="#$code" title="$text"><code>$status $code</code></a>', code=kind.code, text=kind().message, status=kind.status
    )


def _push_id(push: type[PushBody]) -> str:
    return f"push{identifier(push.event, capital=True)}"


def _push(push: type[PushBody], shapes: Shapes) -> Html:
    schema = shapes.resolved(shapes.of(push))
    return html(
        '<article id="$anchor"><div class="text"><h3><a href="#$anchor"><code>$event</code></a></h3>$story<dl>$rows</dl></div>'
        '<div class="samples">$sample</div></article>',
        anchor=_push_id(push),
        event=push.event,
        story=paragraphs(said(push.__doc__)),
        rows=_fields(schema, shapes),
        sample=_sample("socket.io-client", f'socket.on("{push.event}", (told) => {{\n  console.log(told);\n}});'),
    )


def _shape(name: str, schema: Schema, shapes: Shapes) -> Html:
    return html(
        '<article id="shape-$name"><div class="text"><h3>$title</h3>$about<dl>$rows</dl></div></article>',
        name=name,
        title=schema.get("title", name),
        about=paragraphs(schema["description"]) if "description" in schema else NONE,
        rows=_fields(schema, shapes),
    )


def _fields(schema: Schema, shapes: Shapes) -> Html:
    required = schema.get("required", ())
    return joined(_field(name, field, name in required, shapes) for name, field in schema["properties"].items())


def _kinds(described: list[Described]) -> list[type[Refusal]]:
    return sorted({kind for one in described for kind in one.rest_refusals}, key=lambda kind: (kind.status, kind.code))


def _refusal(kind: type[Refusal]) -> Html:
    return html(
        '<tr id="$code"><td>$status</td><td><code>$code</code></td><td>$text$always</td></tr>',
        code=kind.code,
        status=kind.status,
        text=kind().message,
        always=html(" <small>Any action.</small>") if kind in ALWAYS else NONE,
    )
