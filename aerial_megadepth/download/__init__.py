"""Published data: where it lies, how it is unpacked and recorded."""
