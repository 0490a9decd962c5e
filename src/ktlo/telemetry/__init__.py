"""Questions to telemetry: services by rate, errors and duration; traces searched, and one taken apart."""
