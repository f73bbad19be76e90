"""What people can do. Importing this package registers every action in `handlers.action.ACTIONS`."""

from handlers import (
    accounts,
    barter,
    categories,
    chains,
    conversations,
    images,
    items,
    notifications,
    offers,
    opportunities,
    presence,
    sales,
    sessions,
    sync,
    trades,
    users,
)

__all__ = [
    "accounts",
    "barter",
    "categories",
    "chains",
    "conversations",
    "images",
    "items",
    "notifications",
    "offers",
    "opportunities",
    "presence",
    "sales",
    "sessions",
    "sync",
    "trades",
    "users",
]
