"""Images that services report: which version each one is, and the deployments between them. Pure.

The text is that of ``image_hours``, ``name:tag,tag@digest``. A tag with a digit, or that is a commit, names a version;
one without (``latest``, ``stable``, ``main``) moves from image to image, so that the digest stands for it. Grammar of
references: OCI Distribution 1.1, "Pulling manifests"; tags of a commit: ``sha-9f8e7d6`` (docker/metadata-action),
``main-9f8e7d6-1700000000`` (Flux, "Image update guide").
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from ktlo.telemetry.rollouts import Minutes, Rollout, rollouts

IMAGE, VERSION = "image", "service.version"
"""What named a deployment."""
UNNAMED = dt.timedelta(hours=1)
"""An image and a deployment whose names cannot be held against each other are one within this time."""

_AROUND = 10
"""Minutes around a rollout within which another image or version of the same service belongs to it."""
_TOGETHER = 6 * 60
"""Minutes within which two images of a service that go to one version are one deployment."""
_COMMIT = re.compile(r"[0-9a-f]{40}|(?=[0-9a-f]*[a-f])(?=[0-9a-f]*[0-9])[0-9a-f]{7,39}")
_DIGEST = re.compile(r"[a-z0-9]+:[0-9a-fA-F]{32,}")


@dataclass(frozen=True, slots=True)
class Image:
    """An image as a resource named it.

    Attributes:
        name: last part of its name, without the registry; empty when it is not told.
        version: its tag where that names a version, else its digest, else its tag; empty for ``latest`` alone.
        digest: empty when it is not told.
    """

    name: str
    version: str
    digest: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """A version or an image that arrived at a service.

    Attributes:
        rollout: when and how.
        named_by: :data:`VERSION` or :data:`IMAGE`.
        image: text of the image; empty when none arrived.
        of_images: names of the images that arrived with it.
    """

    rollout: Rollout
    named_by: str
    image: str = ""
    of_images: frozenset[str] = frozenset()


def read_image(text: str) -> Image:
    """What the text of an image says."""
    named, _, digest = text.partition("@")
    before, colon, after = named.rpartition(":")
    name, tags = (before, after) if colon and "/" not in after else (named, "")
    each = [tag for tag in tags.split(",") if tag]
    moving = [tag for tag in each if tag != "latest"]
    # The longest of several says most: 1.4.2 beside 1.4 and 1.
    version = max((tag for tag in each if _names_a_version(tag)), key=lambda tag: (len(tag), tag), default="")
    return Image(name.rpartition("/")[2].casefold(), version or digest or max(moving, default=""), digest)


def _names_a_version(tag: str) -> bool:
    return any(letter.isdigit() for letter in tag) or _COMMIT.fullmatch(tag) is not None


def commit_of(tag: str) -> str:
    """The commit that stands in a tag as a word of its own, 7 to 40 hexadecimal digits; empty when none."""
    words = re.split(r"[-_]", tag.casefold())
    return next((word for word in words if _COMMIT.fullmatch(word)), "")


def is_digest(version: str) -> bool:
    """Whether a version is the digest of an image."""
    return _DIGEST.fullmatch(version) is not None


def short(version: str) -> str:
    """A version for people: commits and digests by their first twelve digits."""
    before, colon, digits = version.rpartition(":")
    is_long = re.fullmatch(r"[0-9a-f]{40}", version) is not None or is_digest(version)
    return f"{before}{colon}{digits[:12]}" if is_long else version


def short_image(text: str) -> str:
    """An image for people: without the registry, and with the digest, by twelve digits, only where that tells it."""
    named, at, digest = text.rpartition("/")[2].partition("@")
    return f"{named}@{short(digest)}" if at and read_image(text).version == digest else named or short(digest)


def are_comparable(one: str, other: str) -> bool:
    """Whether two names that differ are two things: not a tag and a commit, nor a build's number and a release."""
    kinds = {(is_digest(name), bool(commit_of(name)), _shape(name)) for name in (one, other)}
    return len(kinds) == 1


def _shape(name: str) -> str:
    folded = name.casefold()
    if is_digest(folded) or commit_of(folded):
        return ""
    plain = re.sub(r"^v(?=\d)", "", folded.removeprefix("refs/tags/"))
    return re.sub(r"(\.0)+", ".0", re.sub(r"\d+", "0", plain))


def image_arrivals(seen: Mapping[str, Minutes]) -> list[Arrival]:
    """Deployments of a service in one environment by the images that it reported.

    Args:
        seen: by the text of an image, the minutes in which it reported.

    Returns:
        By start. Images of different names (a web server and a worker) are told apart, so that each is followed alone;
        those that change together are one.
    """
    read = {text: read_image(text) for text in seen}
    tagged = {(one.name, one.digest): one.version for one in read.values() if one.digest != one.version}
    of_name: dict[str, dict[str, list[str]]] = {}
    for text, one in read.items():
        # What only tells the digest is what another report gives the tag of.
        version = tagged.get((one.name, one.digest), one.version) if one.digest else one.version
        if version:
            of_name.setdefault(one.name, {}).setdefault(version, []).append(text)
    found: list[Arrival] = []
    for name, versions in of_name.items():
        minutes = {
            version: np.unique(np.concatenate([seen[text] for text in texts]))
            for version, texts in versions.items()
        }
        for rollout in rollouts(minutes) if len(minutes) > 1 else ():
            text = max(versions[rollout.version], key=lambda one: (len(one), one))
            found.append(Arrival(rollout, IMAGE, text, frozenset({name})))
    return together((), found)


def together(versions: Iterable[Rollout], images: Iterable[Arrival]) -> list[Arrival]:
    """Each deployment once: what changed by version, by image or by both.

    Args:
        versions: rollouts by service.version.
        images: arrivals by image.
    """
    found = [Arrival(rollout, VERSION) for rollout in versions]
    for one in sorted(images, key=lambda each: (each.rollout.started, each.image)):
        near = [
            (abs(other.rollout.started - one.rollout.started), place)
            for place, other in enumerate(found)
            if not other.of_images & one.of_images and _belongs(one.rollout, other.rollout)
        ]
        if not near:
            found.append(one)
            continue
        place = min(near)[1]
        other = found[place]
        found[place] = replace(
            other, image=other.image or one.image, of_images=other.of_images | one.of_images
        )
    return sorted(found, key=lambda each: (each.rollout.started, each.rollout.version))


def _belongs(one: Rollout, other: Rollout) -> bool:
    until = other.started if other.finished is None else max(other.started, other.finished)
    if other.started - _AROUND <= one.started <= until + _AROUND:
        return True
    return one.version == other.version and abs(one.started - other.started) <= _TOGETHER
