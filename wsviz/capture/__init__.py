"""Floor 1: capture files -> packets -> TCP streams -> HTTP exchanges and WebSocket frames -> tables."""
