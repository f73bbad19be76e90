"""The broken builds: what each does wrong. Nothing of it is in the product."""

from collections.abc import Callable

BUILDS: dict[str, Callable[[], None]] = {}
