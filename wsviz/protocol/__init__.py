"""Floor 0: the rules of RFC 6455, RFC 7692 and RFC 9112. Standard library only; no I/O, no clock, no randomness."""
