"""Does the project's code reach what is vulnerable? A call graph of Python programs, and govulncheck's stream for Go.

Programs are read, never imported or run. A path that is found is evidence; that none was found is not, so policy
decides what it is worth. The whole story: docs/check-reachability.md.
"""
