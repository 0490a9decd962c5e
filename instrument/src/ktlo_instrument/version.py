"""The version of the library, apart so that building it imports nothing."""

VERSION = "0.1.0"
