"""Sample footage that the project draws itself: a drawn cast, a short film, its exact truth.

No third party's pictures are needed to try the product or to test it. Start at ``film``.
"""
