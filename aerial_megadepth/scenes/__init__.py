"""What the steps share: scene after scene, their records, their views on disk."""
