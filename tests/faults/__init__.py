"""The fault run: many people trade and talk while servers, stores and connections fail; then every promise is counted."""
