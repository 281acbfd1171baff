"""Pairs to the layouts that trainers read."""
