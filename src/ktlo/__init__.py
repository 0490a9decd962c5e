"""ktlo: the open, self-hosted platform for keeping the lights on."""

__version__ = "0.1.0"
