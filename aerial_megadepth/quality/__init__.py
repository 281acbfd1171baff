"""How good a localized scene is, and its page."""
