"""What VGGT-Omega does otherwise than VGGT-1B; files, photos and scenes are unknown here, too."""
