"""What a caller may choose of a network, known without loading torch."""

DEFAULT_MODEL = "facebook/VGGT-1B"

PRECISIONS = ("auto", "fp32", "bf16")
"""Of the large layers; `auto` is bf16 where the processor is fast at it."""
