"""The README is run: its tour against a server with the demo market, its tables against the definitions."""

import asyncio
import os
import re
import shutil
import sys
from pathlib import Path

from handlers.action import ACTIONS, camel
from server.cli import main
from server.config import SETTINGS
from server.demo.market import load_demo_market
from tests.conftest import OpenMarket

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def console_lines() -> list[str]:
    return [line for block in re.findall(r"```console\n(.*?)```", README, re.S) for line in block.splitlines()]


CURL = """#!{python}
# Enough of curl for the tour, on a machine that has none.
import sys, urllib.error, urllib.request
words, method, headers, data, url = sys.argv[1:], None, {{}}, None, ""
while words:
    match words.pop(0):
        case "-s": pass
        case "-X": method = words.pop(0)
        case "-H":
            name, _, value = words.pop(0).partition(": ")
            headers[name] = value
        case "-d": data = words.pop(0).encode() or None
        case word: url = word
request = urllib.request.Request("http://" + url, data, headers, method=method)
try:
    answer = urllib.request.urlopen(request)
except urllib.error.HTTPError as error:
    answer = error
sys.stdout.write(answer.read().decode())
"""


def environment(folder: Path) -> dict[str, str]:
    """This machine's, with a `curl`."""
    if shutil.which("curl") is None:
        (folder / "curl").write_text(CURL.format(python=sys.executable))
        (folder / "curl").chmod(0o755)
    return dict(os.environ) | {"PATH": f"{folder}:{os.environ['PATH']}"}


async def test_the_tour_prints_what_the_readme_says(open_market: OpenMarket, tmp_path: Path) -> None:
    printed, script, commands = [], ["set -u"], 0
    going_on = False
    for line in console_lines():
        if line.startswith("$ "):
            commands += 1
            script.append(line[2:])
            going_on = line.count("'") % 2 == 1  # a quoted text that goes on in the next line
        elif going_on:
            script.append(line)
            going_on = line.count("'") % 2 == 0
        else:
            printed.append(line)
    assert commands > 20

    async with open_market() as market:
        await load_demo_market(market.service.app, market.service.pictures)
        tour = "\n".join(script).replace("http://localhost:8000", market.url)
        tour = tour.replace("localhost:8000", market.url.removeprefix("http://"))
        process = await asyncio.create_subprocess_exec(
            "bash",
            "-c",
            tour,
            env=environment(tmp_path),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
    assert output.decode().splitlines() == printed


def test_the_readme_names_every_action_with_its_route() -> None:
    for action in ACTIONS.values():
        event = f"`{action.event}`" if action.event else "–"
        path = re.sub(r"{(\w+)}", lambda place: f"{{{camel(place[1])}}}", action.path or "")
        route = f"`{action.method} {path}`" if action.path else "–"
        assert f"| {event} | {route} |" in README


def test_the_readme_and_the_example_name_every_setting() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    for setting in SETTINGS:
        default = f"`{setting.default}`" if setting.default else ""
        assert f"| `{setting.name}` | {default} | {setting.story} |" in README
        assert f"# {setting.name}=" in example


def test_the_readme_names_every_command() -> None:
    for command in main.commands:
        assert re.search(rf"`{command}[ `]", README), command


def test_what_the_readme_links_to_is_there() -> None:
    links = re.findall(r"\]\(((?!https?:)[^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
