"""The explorer: one offline page on which every test image, its maps and its boxes can be looked at."""
