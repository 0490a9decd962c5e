"""The pages: one view and one template each, every URL with a JSON twin, nothing from any outside host.

A view asks metrics, builds charts and pieces, and hands them to its template; ``site`` renders. What the
partial templates take is in ``pieces``; how they look is in docs/design-system.md.
"""

from ktlo.server.web.site import mount_pages

__all__ = ["mount_pages"]
