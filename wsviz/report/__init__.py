"""Floor 4: one capture as one page, for a browser without a network."""
