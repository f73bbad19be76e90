"""What people can do. Importing this package registers every action in `handlers.action.ACTIONS`."""

from handlers import (
    accounts,
    categories,
    conversations,
    images,
    items,
    presence,
    sales,
    sessions,
    sync,
    trades,
    users,
)

__all__ = [
    "accounts",
    "categories",
    "conversations",
    "images",
    "items",
    "presence",
    "sales",
    "sessions",
    "sync",
    "trades",
    "users",
]
