"""Photos of a place to warp pairs, room by room; it knows no network, no trainer and no USD."""
