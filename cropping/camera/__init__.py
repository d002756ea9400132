"""Camera path: the crop windows that follow one person through a footage."""
