"""What becomes of a run over many scenes: told while it works, kept for the next one."""
