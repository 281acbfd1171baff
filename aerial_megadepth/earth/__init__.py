"""Google Earth's flights, videos and camera exports."""
