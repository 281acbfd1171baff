"""The network in ComfyUI: its weights, its images, its answers; no node is known."""
