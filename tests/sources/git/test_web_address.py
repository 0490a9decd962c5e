"""The page of a remote in a browser: known for GitHub and GitLab alone, and never with what a URL says of a person."""

from __future__ import annotations

import pytest

from ktlo.sources.git.place import web_address


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("git@github.com:acme/shop.git", "https://github.com/acme/shop"),
        ("https://ann:s3cret@github.com/acme/shop.git", "https://github.com/acme/shop"),
        ("ssh://git@gitlab.acme.org:2222/group/sub/shop.git", "https://gitlab.acme.org/group/sub/shop"),
        ("https://git.acme.org/acme/shop.git", ""),
        ("/srv/git/github/shop.git", ""),
        ("file:///srv/github/shop.git", ""),
        ("", ""),
    ],
)
def test_the_address_of_a_remote(url, address):
    assert web_address(url) == address
