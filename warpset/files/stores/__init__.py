"""Folders that are not on this machine: addresses, what lies there, and who may write there."""
