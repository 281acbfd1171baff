"""Views from where no photo was taken: pictures, masks and depth along a path of cameras."""
