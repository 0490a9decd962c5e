"""Argo CD: what its applications' syncs deployed, from argocd-notifications.

``notifications.yaml`` is what a person pastes, ``payloads`` is what it makes Argo send (fields of the Application, as
they are there), ``mapping`` makes a deployment of it, ``source`` takes it. Formats: Argo CD's "Notifications", its
webhook service, and the Application of ``argoproj.io/v1alpha1``.
"""

from ktlo.sources.argocd.source import ArgoCdSource

__all__ = ["ArgoCdSource"]
