"""The programs and documents whose definitions the dialects follow, as they were when they were read."""

from __future__ import annotations

DEVLAKE_COMMIT = "apache/incubator-devlake at 420e494 (5 May 2026)"
MIDDLEWARE_COMMIT = "middlewarehq/middleware at 5471e35 (16 Aug 2025)"
FOURKEYS_COMMIT = "dora-team/fourkeys at 6cc642e (23 Jan 2024, archived)"
GITLAB_DOCS = "GitLab documentation, DORA metrics (doc/user/analytics/dora_metrics.md)"
