"""The people folder and the YOLO dataset."""
