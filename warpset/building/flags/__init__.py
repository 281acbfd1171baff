"""The main script's flags by what they are about; other scripts take some of them."""
