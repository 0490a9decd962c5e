"""Who does the work that arrives by itself: a dedicated team, a rotation, or everybody as it comes.

``crew`` reads people and arrivals from the store, ``items`` draws work from a ``Demand``, ``simulation`` lets it
happen, ``costs`` prices what happened, ``answer`` compares, and ``flips`` finds what would turn the verdict.
"""
