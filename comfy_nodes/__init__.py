"""What the ComfyUI nodes do; `vggt_comfy_nodes.py` beside it says what they look like."""
