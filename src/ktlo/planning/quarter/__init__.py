"""A quarter as the business sees it: where effort went, what it bought, what the next one will cost.

``calendar`` names quarters, ``account`` measures a past one, ``outlook`` puts the decisions for the next one beside
it. ``report/business`` tells it in the words of a finance reader.
"""
