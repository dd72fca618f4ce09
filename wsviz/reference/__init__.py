"""Floor 4: the tables of the protocol on one page, and a sheet to print, made from the code's own tables."""
