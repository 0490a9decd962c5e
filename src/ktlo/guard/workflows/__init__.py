"""Files that tell a CI system what to run: whoever steers one of them runs code with the build's rights.

zizmor judges GitHub's when it is installed; :mod:`.rules` is our own smaller set, and the one for GitLab's.
"""
