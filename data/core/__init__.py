"""Boxes, tables, errors, and files written whole: no knowledge of video or projects."""
