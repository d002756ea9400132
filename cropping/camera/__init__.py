"""The camera's path: crop windows of one person over the shots of a footage."""
