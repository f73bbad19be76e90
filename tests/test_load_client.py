"""`swaploop load` plays each of its scenarios against a real server: everything asked is answered, nothing is refused."""

import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
from click.testing import CliRunner

from client_demo.load.asking import Asker
from client_demo.load.command import SCENARIOS, load
from client_demo.load.connecting import connecting, ignore
from client_demo.load.mixed import HABITS, Crowd
from client_demo.load.people import Account, LimitsAreOn, sign_up
from client_demo.load.tally import Refused, Tally
from client_demo.load.wire import Server, connect
from server.cli import main
from tests.conftest import Market, OpenMarket


@pytest.fixture(scope="module")
async def accounts(market: Market) -> list[Account]:
    return await sign_up(Server.at(market.url), 6)


async def test_every_scenario_is_played_and_told(market: Market, capsys: pytest.CaptureFixture[str]) -> None:
    await load(market.url, list(SCENARIOS), people=4, seconds=0.3, think_seconds=0.02)
    told = capsys.readouterr().out
    for name in ("connecting", "idling", "signing-in", "listing, by socket", "listing, by REST", "talking", "trading", "mixed"):
        assert f"\n{name}: " in told
    for action in ("connect", "POST /auth/login", "item:list", "GET /items", "message:new, heard", "trade:complete"):
        assert f"\n{action} " in told
    assert "refused" not in told


async def test_a_crowd_does_all_that_people_do_and_hears_each_message(market: Market, accounts: list[Account]) -> None:
    crowd = await Crowd.gather(Server.at(market.url), [account.auth for account in accounts])
    await crowd.live(2.0, 0.01)
    assert await crowd.unheard() == 0
    assert not crowd.tally.refused
    done = crowd.tally.taken
    assert {"item:list", "item:get", "conversation:list", "message:list", "message:send", "message:read", "typing"} <= set(done)
    # Three pairs, who trade their two things back and forth
    assert len(done["trade:confirm"]) > 0
    assert abs(len(done["trade:complete"]) - len(done["trade:confirm"])) <= 3
    assert sum(HABITS.values()) == 100
    async with market.sql() as connection:
        said = await connection.fetchval(
            "SELECT count(*) FROM entries WHERE kind = 'message' AND text LIKE 'Is Saturday%' AND sender_id = ANY($1::uuid[])",
            [account.id for account in accounts],
        )
    assert said == len(done["message:send"]), "each message that was acknowledged is there, once"
    before = crowd.tally.count
    await crowd.leave()
    assert crowd.tally.count == before


async def test_where_rate_limits_are_on_it_says_so(open_market: OpenMarket) -> None:
    async with open_market(RATE_LIMITS="on") as market:
        with pytest.raises(LimitsAreOn, match="RATE_LIMITS=off"):
            await sign_up(Server.at(market.url), 3)
        with pytest.raises(SystemExit, match="RATE_LIMITS=off"):
            await load(market.url, ["mixed"], people=2, seconds=0.1, think_seconds=0.1)


async def test_where_no_server_is_it_says_so() -> None:
    with pytest.raises(SystemExit, match="does not answer"):
        await load("http://127.0.0.1:9", ["mixed"], people=2, seconds=0.1, think_seconds=0.1)
    with pytest.raises(SystemExit, match="no address"):
        await load("ftp://example.org", ["mixed"], people=2, seconds=0.1, think_seconds=0.1)


async def test_who_is_not_let_in_is_counted(market: Market) -> None:
    tally = await connecting(Server.at(market.url), [{"token": "not one"}], 0.1, at_once=2)
    assert tally.count == 0
    assert tally.refused["connect", "ConnectionError"] > 0


async def test_what_is_refused_is_counted_and_the_connection_goes_on(market: Market, accounts: list[Account]) -> None:
    [wire] = await connect(Server.at(market.url), [accounts[0].auth], ignore)
    asker = Asker(wire, Tally())
    with pytest.raises(Refused, match="NOT_FOUND"):
        await asker.ask("item:get", {"itemId": "00000000-0000-4000-8000-000000000000"})
    assert await asker.data("user:me", {})
    assert asker.tally.refused == {("item:get", "NOT_FOUND"): 1}
    assert asker.tally.count == 1
    wire.close()


def test_the_command_knows_the_scenarios() -> None:
    [argument] = [one for one in main.commands["load"].params if one.name == "scenarios"]
    assert list(argument.type.choices) == list(SCENARIOS)  # type: ignore[attr-defined]  # it is a Choice
    assert CliRunner().invoke(main, ["load", "--help"]).exit_code == 0


def test_a_table_of_what_was_done() -> None:
    tally = Tally(seconds=2.0)
    tally.taken["look"].extend([0.001, 0.002, 0.003])
    tally.refused["say", "NOT_FOUND"] = 2
    lines = tally.table().splitlines()
    assert lines[2].split() == ["look", "3", "1.5", "2.00", "3.00", "3.00", "3.00"]
    assert lines[3] == "refused: say NOT_FOUND, 2 times"


def test_an_installed_wheel_has_it() -> None:
    pyproject = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))
    included = pyproject["tool"]["setuptools"]["packages"]["find"]["include"]
    assert any(fnmatch("client_demo.load", pattern) for pattern in included)
