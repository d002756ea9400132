"""Arrays, boxes, intervals, tables, errors and atomic files: no knowledge of video or projects."""
