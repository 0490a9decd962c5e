"""Licences of dependencies against what policy allows."""
