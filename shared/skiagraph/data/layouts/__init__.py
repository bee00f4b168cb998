"""Published folder layouts, one a file, read into the items of data lists."""
