"""The shared data types and files of all stages, in memory and on disk; imports no other room.

Conventions, written once and kept everywhere:

- an image is ``(h, w, 3) uint8`` RGB, upright (rotation tags applied);
- boxes are ``xyxy float32`` pixels of the full upright frame, right and bottom exclusive;
- ``frame_index`` counts from 0 in decode (presentation) order;
- ``time_s`` is the presentation time with the first frame at 0: the truth where it and
  ``frame_index`` disagree;
- frame rates are ``fractions.Fraction``;
- -1 (`data.core.arrays.UNKNOWN`) is an unknown person, or a face in no tracklet;
- names end in their unit: ``_s``, ``_px``, ``_wh``.

Foreign conventions (YOLO's normalised cx cy w h, dlib's rectangles, OpenCV's BGR,
face_recognition's top-right-bottom-left) exist only inside the reader or writer that needs them.
"""
