"""What turns tokens into cameras and depth; the heads know neither photos nor windows."""
