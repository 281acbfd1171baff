"""Bytes on disk to arrays and back: photos, depth maps, pictures, point clouds, caches."""
