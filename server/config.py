"""Settings: environment variables, all optional (contract.md). What is wrong is said at once, all of it, in words."""

import ipaddress
import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from urllib.parse import urlsplit

SECRET_BYTES_MIN = 32
WORKERS_MAX = 64
LEVELS = ("debug", "info", "warning", "error")


class ConfigError(Exception):
    """Settings that the server cannot start with, each in a line."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable: its default as text, and what it is for. The README's table is checked against these."""

    name: str
    default: str
    story: str


SETTINGS = (
    Setting("HOST", "127.0.0.1", "address to listen on; 0.0.0.0 for all"),
    Setting("PORT", "8000", "port to listen on"),
    Setting("WORKERS", "1", "server processes that share PORT, at most 64; several need Linux"),
    Setting("DATABASE_URL", "", "postgresql://…; unset: an embedded PostgreSQL, data in DATA_DIR"),
    Setting("REDIS_URL", "", "redis://… or unix://…; unset: an embedded Valkey, data in DATA_DIR"),
    Setting("DATA_DIR", "./var", "where embedded data, secret key, pictures and mail files are"),
    Setting("SECRET_KEY", "", "signs access tokens, at least 32 bytes; unset: made once, in DATA_DIR"),
    Setting("PUBLIC_URL", "", "the address that people reach this server by; unset: http://localhost:PORT"),
    Setting("CORS_ORIGINS", "", "origins of browser clients, with commas between; PUBLIC_URL's always is one"),
    Setting("SMTP_URL", "", "smtp://user:pass@host:port, or smtps://…; unset: each mail is a file in DATA_DIR/mail"),
    Setting("MAIL_FROM", "Swaploop <noreply@swaploop.example>", "the sender of mail"),
    Setting("UPLOAD_DIR", "", "where pictures are stored; unset: DATA_DIR/uploads; to be shared by all machines"),
    Setting("TRANSPORTS", "websocket,polling", "Engine.IO transports; websocket alone where WORKERS is above 1"),
    Setting("ACCESS_TOKEN_TTL", "900", "seconds that an access token lasts"),
    Setting("REFRESH_TOKEN_TTL", "2592000", "seconds that a session lasts after its last renewal"),
    Setting("RATE_LIMITS", "on", "on, or off for load tests"),
    Setting("TRUSTED_PROXIES", "", "addresses or networks whose X-Forwarded-For is believed, with commas between"),
    Setting("LOG_LEVEL", "info", "debug, info, warning or error"),
    Setting("LOG_FORMAT", "console", "console or json"),
)


@dataclass(frozen=True, slots=True)
class Config:
    """The settings, checked."""

    host: str
    port: int
    workers: int
    database_url: str | None
    redis_url: str | None
    data_dir: Path
    secret_key: str
    public_url: str
    cors_origins: tuple[str, ...]
    smtp_url: str | None
    mail_from: str
    upload_dir: Path
    transports: tuple[str, ...]
    access_token_lifetime: timedelta
    refresh_token_lifetime: timedelta
    rate_limits: bool
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...]
    log_level: str
    log_format: str


class _Reader:
    """Reads settings and collects what is wrong with them."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._given = {setting.name for setting in SETTINGS if environment.get(setting.name, "").strip()}
        self._values = {
            setting.name: environment[setting.name].strip() if setting.name in self._given else setting.default
            for setting in SETTINGS
        }
        self.wrong: list[str] = []

    def given(self, name: str) -> bool:
        return name in self._given

    def text(self, name: str) -> str:
        return self._values[name]

    def number(self, name: str, least: int, most: int) -> int:
        value = self._values[name]
        if not value.isascii() or not value.isdigit() or not least <= int(value) <= most:
            self.wrong.append(f"{name} must be a whole number from {least} to {most}, not {value!r}")
            return least
        return int(value)

    def choice(self, name: str, *words: str) -> str:
        value = self._values[name].lower()
        if value not in words:
            self.wrong.append(f"{name} must be {' or '.join(words)}, not {value!r}")
        return value

    def words(self, name: str) -> tuple[str, ...]:
        return tuple(word for part in self._values[name].split(",") if (word := part.strip()))

    def url(self, name: str, *schemes: str) -> str | None:
        value = self._values[name]
        try:
            parts = urlsplit(value)
            good = parts.scheme in schemes and ("postgresql" in schemes or parts.port != 0)  # postgresql://a:1,b:2 is one
        except ValueError:  # for a host or a port that cannot be
            good = False
        if value and not good:
            starts = " or ".join(scheme + "://" for scheme in schemes)
            self.wrong.append(f"{name} must be an address that begins with {starts}")
        return value.rstrip("/") if value and "http" in schemes else value or None

    def networks(self, name: str) -> tuple[IPv4Network | IPv6Network, ...]:
        networks = []
        for word in self.words(name):
            try:
                networks.append(ipaddress.ip_network(word, strict=False))
            except ValueError:
                self.wrong.append(f"{name} has {word!r}, which is neither an address nor a network")
        return tuple(networks)


def read_config(environment: Mapping[str, str] = os.environ) -> Config:
    """The settings of this environment. Raises ConfigError with a line for each that is wrong. Makes DATA_DIR."""
    read = _Reader(environment)
    port = read.number("PORT", 0, 65535)
    data_dir = Path(read.text("DATA_DIR")).expanduser().resolve()
    public_url = read.url("PUBLIC_URL", "http", "https") or f"http://localhost:{port}"
    workers = read.number("WORKERS", 1, WORKERS_MAX)
    if workers > 1 and sys.platform != "linux":
        read.wrong.append("WORKERS must be 1 here: that several processes share a port evenly is Linux's")
    transports = read.words("TRANSPORTS") if read.given("TRANSPORTS") or workers == 1 else ("websocket",)
    if not transports or not set(transports) <= {"websocket", "polling"}:
        read.wrong.append("TRANSPORTS must be websocket, or websocket,polling")
    elif workers > 1 and "polling" in transports:
        read.wrong.append(
            "TRANSPORTS must be websocket where WORKERS is above 1: by polling, one client's requests reach several processes, "
            "and only one of them knows the connection"
        )
    if "*" in read.words("CORS_ORIGINS"):
        read.wrong.append("CORS_ORIGINS must name each origin; '*' would let any site act for a signed-in person")
    own = (f"http://localhost:{port}", f"http://127.0.0.1:{port}", public_url)
    config = Config(
        host=read.text("HOST"),
        port=port,
        workers=workers,
        database_url=read.url("DATABASE_URL", "postgresql", "postgres"),
        redis_url=read.url("REDIS_URL", "redis", "rediss", "unix"),
        data_dir=data_dir,
        secret_key=_secret_key(read, data_dir),
        public_url=public_url,
        cors_origins=tuple(dict.fromkeys((*own, *(origin.rstrip("/") for origin in read.words("CORS_ORIGINS"))))),
        smtp_url=read.url("SMTP_URL", "smtp", "smtps"),
        mail_from=read.text("MAIL_FROM"),
        upload_dir=Path(read.text("UPLOAD_DIR")).resolve() if read.text("UPLOAD_DIR") else data_dir / "uploads",
        transports=transports,
        access_token_lifetime=timedelta(seconds=read.number("ACCESS_TOKEN_TTL", 5, 86_400)),
        refresh_token_lifetime=timedelta(seconds=read.number("REFRESH_TOKEN_TTL", 60, 366 * 86_400)),
        rate_limits=read.choice("RATE_LIMITS", "on", "off") == "on",
        trusted_proxies=read.networks("TRUSTED_PROXIES"),
        log_level=read.choice("LOG_LEVEL", *LEVELS),
        log_format=read.choice("LOG_FORMAT", "console", "json"),
    )
    if read.wrong:
        raise ConfigError("\n".join(read.wrong))
    return config


def _secret_key(read: _Reader, data_dir: Path) -> str:
    given = read.text("SECRET_KEY")
    if given:
        if len(given.encode()) < SECRET_BYTES_MIN:
            read.wrong.append(f"SECRET_KEY must have at least {SECRET_BYTES_MIN} bytes")
        return given
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        file = data_dir / "secret_key"
        if not file.exists():
            part = data_dir / f"secret_key.{secrets.token_hex(8)}"  # not by process id: containers all have the same
            part.touch(mode=0o600)
            part.write_text(secrets.token_urlsafe(48))
            try:
                os.link(part, file)  # whoever is first has made it, whole; two servers never have two keys
            except FileExistsError:
                pass
            finally:
                part.unlink()
        key = file.read_text().strip()
    except OSError as error:
        read.wrong.append(f"DATA_DIR cannot be used: {error}")
        return ""
    if len(key.encode()) < SECRET_BYTES_MIN:
        read.wrong.append(f"{data_dir / 'secret_key'} has fewer than {SECRET_BYTES_MIN} bytes")
    return key
