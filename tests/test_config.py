"""Settings: what is wrong is said, all of it and by name; the secret key; and whose word counts for a client's address."""

import asyncio
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from server.address import client_address
from server.config import SETTINGS, ConfigError, read_config

GOOD = {
    "HOST": "0.0.0.0",  # noqa: S104 - a setting that is read, not listened on
    "PORT": "9000",
    "DATABASE_URL": "postgresql://user:pass@db.example/swaploop",
    "REDIS_URL": "rediss://cache.example:6379/1",
    "SECRET_KEY": "k" * 32,
    "PUBLIC_URL": "https://swaps.example/",
    "CORS_ORIGINS": "https://app.example, https://m.example/",
    "SMTP_URL": "smtp://user:pass@mail.example:587",
    "MAIL_FROM": "Market <market@example.org>",
    "TRANSPORTS": "websocket",
    "ACCESS_TOKEN_TTL": "60",
    "REFRESH_TOKEN_TTL": "3600",
    "RATE_LIMITS": "OFF",
    "TRUSTED_PROXIES": "10.0.0.0/8, 192.0.2.1,2001:db8::/32",
    "LOG_LEVEL": "Debug",
    "LOG_FORMAT": "json",
}


def test_every_setting_is_read(tmp_path: Path) -> None:
    config = read_config(GOOD | {"DATA_DIR": str(tmp_path / "data"), "UPLOAD_DIR": str(tmp_path / "pictures")})
    assert (config.host, config.port, config.workers) == ("0.0.0.0", 9000, 1)  # noqa: S104
    assert (config.database_url, config.redis_url) == (GOOD["DATABASE_URL"], GOOD["REDIS_URL"])
    assert (config.data_dir, config.upload_dir) == (tmp_path / "data", tmp_path / "pictures")
    assert (config.secret_key, config.public_url) == ("k" * 32, "https://swaps.example")
    assert {"https://app.example", "https://m.example", "https://swaps.example"} <= set(config.cors_origins)
    assert (config.smtp_url, config.mail_from) == (GOOD["SMTP_URL"], GOOD["MAIL_FROM"])
    assert config.transports == ("websocket",)
    assert (config.access_token_lifetime, config.refresh_token_lifetime) == (timedelta(minutes=1), timedelta(hours=1))
    assert config.rate_limits is False
    assert [str(network) for network in config.trusted_proxies] == ["10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32"]
    assert (config.log_level, config.log_format) == ("debug", "json")


def test_several_database_hosts_are_one_address(tmp_path: Path) -> None:
    hosts = "postgresql://user@one.example:5432,two.example:5433/swaploop"
    assert read_config({"DATA_DIR": str(tmp_path), "DATABASE_URL": hosts}).database_url == hosts


@pytest.mark.parametrize("unset", ["left out", "empty", "blank"])
def test_all_settings_are_optional(tmp_path: Path, unset: str) -> None:
    value = {"left out": None, "empty": "", "blank": "  "}[unset]
    environment = {} if value is None else {setting.name: value for setting in SETTINGS}
    config = read_config(environment | {"DATA_DIR": str(tmp_path)})
    assert (config.port, config.public_url) == (8000, "http://localhost:8000")
    assert (config.database_url, config.redis_url, config.smtp_url) == (None, None, None)
    assert config.upload_dir == tmp_path / "uploads"
    assert config.transports == ("websocket", "polling")
    assert (config.access_token_lifetime, config.rate_limits) == (timedelta(minutes=15), True)


def test_several_workers_are_reached_by_websocket_alone(tmp_path: Path) -> None:
    """By polling, one client's requests would reach several processes."""
    several = {"DATA_DIR": str(tmp_path), "WORKERS": "4"}
    config = read_config(several)
    assert (config.workers, config.transports) == (4, ("websocket",))
    assert read_config(several | {"TRANSPORTS": "websocket"}).transports == ("websocket",)
    for transports in ("websocket,polling", "polling"):
        with pytest.raises(ConfigError, match="TRANSPORTS must be websocket where WORKERS is above 1"):
            read_config(several | {"TRANSPORTS": transports})


def test_several_workers_are_linux_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert read_config({"DATA_DIR": str(tmp_path)}).workers == 1
    with pytest.raises(ConfigError, match="WORKERS must be 1 here"):
        read_config({"DATA_DIR": str(tmp_path), "WORKERS": "2"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "-1"),
        ("PORT", "65536"),
        ("PORT", "8000.0"),
        ("PORT", "٨٠"),
        ("WORKERS", "0"),
        ("WORKERS", "65"),
        ("WORKERS", "many"),
        ("DATABASE_URL", "mysql://db.example/swaploop"),
        ("DATABASE_URL", "db.example"),
        ("DATABASE_URL", "postgresql://[::1/swaploop"),
        ("REDIS_URL", "http://cache.example"),
        ("REDIS_URL", "redis://cache.example:port"),
        ("SECRET_KEY", "k" * 31),
        ("PUBLIC_URL", "swaps.example"),
        ("PUBLIC_URL", "ftp://swaps.example"),
        ("CORS_ORIGINS", "*"),
        ("CORS_ORIGINS", "https://app.example,*"),
        ("SMTP_URL", "mail.example:25"),
        ("SMTP_URL", "smtp://mail.example:post"),
        ("SMTP_URL", "smtp://mail.example:99999"),
        ("SMTP_URL", "smtp://[::1"),
        ("TRANSPORTS", "polling,carrier-pigeon"),
        ("TRANSPORTS", ","),
        ("ACCESS_TOKEN_TTL", "4"),
        ("ACCESS_TOKEN_TTL", "86401"),
        ("ACCESS_TOKEN_TTL", "15m"),
        ("REFRESH_TOKEN_TTL", "59"),
        ("RATE_LIMITS", "maybe"),
        ("TRUSTED_PROXIES", "localhost"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(ConfigError) as wrong:
        read_config({"DATA_DIR": str(tmp_path), name: value})
    (line,) = str(wrong.value).splitlines()
    assert name in line


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    wrong = {
        "PORT": "x",
        "DATABASE_URL": "x",
        "SECRET_KEY": "x",
        "RATE_LIMITS": "x",
        "LOG_LEVEL": "x",
        "TRUSTED_PROXIES": "x,y",
    }
    with pytest.raises(ConfigError) as error:
        read_config(wrong | {"DATA_DIR": str(tmp_path)})
    lines = str(error.value).splitlines()
    assert len(lines) == 7
    assert all(any(name in line for line in lines) for name in wrong)


def test_secrets_are_not_said(tmp_path: Path) -> None:
    wrong = {"SECRET_KEY": "hush", "SMTP_URL": "user:hush@mail.example", "DATABASE_URL": "mysql://user:hush@db.example"}
    with pytest.raises(ConfigError) as error:
        read_config(wrong | {"DATA_DIR": str(tmp_path)})
    assert "hush" not in str(error.value)


# The secret key


def test_the_secret_key_is_made_once_and_kept_to_its_owner(tmp_path: Path) -> None:
    first = read_config({"DATA_DIR": str(tmp_path)}).secret_key
    assert len(first.encode()) >= 32
    assert read_config({"DATA_DIR": str(tmp_path)}).secret_key == first
    assert read_config({"DATA_DIR": str(tmp_path / "other")}).secret_key != first
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["secret_key"]


def test_of_many_who_make_it_at_once_all_have_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: read_config({"DATA_DIR": str(tmp_path)}).secret_key, range(8)))
    assert len(keys) == 1


def test_a_kept_key_that_is_too_short_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("short\n")
    with pytest.raises(ConfigError, match="secret_key has fewer than 32 bytes"):
        read_config({"DATA_DIR": str(tmp_path)})


def test_a_given_key_is_not_written_down(tmp_path: Path) -> None:
    read_config({"DATA_DIR": str(tmp_path), "SECRET_KEY": "k" * 32})
    assert not (tmp_path / "secret_key").exists()


def test_a_data_directory_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="DATA_DIR cannot be used"):
        read_config({"DATA_DIR": str(tmp_path / "file" / "data")})


# Whose address it is


ADDRESSES = [
    # trusted proxies, X-Forwarded-For as it came, whose it is
    ("", [], "127.0.0.1"),
    ("", ["203.0.113.1"], "127.0.0.1"),
    ("10.0.0.0/8", ["203.0.113.1"], "127.0.0.1"),
    ("127.0.0.1", [], "127.0.0.1"),
    ("127.0.0.1", ["203.0.113.1"], "203.0.113.1"),
    ("127.0.0.0/8", ["203.0.113.1"], "203.0.113.1"),
    ("127.0.0.1", ["198.51.100.7, 203.0.113.1"], "203.0.113.1"),
    ("127.0.0.1", ["198.51.100.7", "203.0.113.1"], "203.0.113.1"),
    ("127.0.0.1,10.0.0.0/8", ["198.51.100.7, 203.0.113.1, 10.1.2.3"], "203.0.113.1"),
    ("127.0.0.1,10.0.0.0/8", ["10.9.9.9, 10.1.2.3"], "10.9.9.9"),
    ("127.0.0.1", ["2001:db8::1"], "2001:db8::1"),
    ("127.0.0.1", [" , ,203.0.113.1 ,"], "203.0.113.1"),
    ("127.0.0.1", ["nonsense"], "nonsense"),
    ("127.0.0.1", ["x" * 500], "x" * 64),
]


@pytest.mark.parametrize(("proxies", "forwarded", "expected"), ADDRESSES)
async def test_only_trusted_proxies_are_believed(tmp_path: Path, proxies: str, forwarded: list[str], expected: str) -> None:
    trusted = read_config({"DATA_DIR": str(tmp_path), "TRUSTED_PROXIES": proxies}).trusted_proxies

    async def where(request: web.Request) -> web.Response:
        return web.Response(text=client_address(request, trusted))

    application = web.Application()
    application.router.add_get("/", where)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        headers = [("X-Forwarded-For", value) for value in forwarded]
        address = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        async with asyncio.timeout(5), aiohttp.ClientSession() as session, session.get(address, headers=headers) as response:
            assert await response.text() == expected
    finally:
        await runner.cleanup()
