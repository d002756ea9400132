"""Sample footage drawn by fancam: a cast, a short film, and its ground truth.

It makes the product usable and testable without third-party pictures. Start at ``film``.
"""
