"""What the ComfyUI nodes look like (`nodes.py`) and what they do."""
