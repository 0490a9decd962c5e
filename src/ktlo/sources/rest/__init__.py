"""What sources that read a REST API have in common: a polite connection, its limits, walks through lists, rows."""
