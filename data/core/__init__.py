"""Arrays, boxes, intervals, tables, errors and atomic files, independent of video and projects."""
