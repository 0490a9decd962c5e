"""Ways in for telemetry: one folder a protocol, all of them ending in the same spool and the same tables."""
