"""How answers become something to read: charts, words, documents. No questions of its own to the store.

Above metrics, below the server: pages, command line and documents say the same number the same way.
"""
