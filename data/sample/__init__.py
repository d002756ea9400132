"""Sample footage drawn by fancam: a cast, a short film, and its ground truth.

No third party's pictures are needed to try the product or to test it. Start at ``film``.
"""
