"""The HTTP API, version 1: JSON in and out, described by OpenAPI at ``/api/v1/openapi.json``.

One module per noun. Everything the pages and the command line show is asked here.
"""
