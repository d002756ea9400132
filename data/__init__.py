"""Data types and files shared by all stages; imports no other package of fancam.

Conventions of the whole product:

- an image is ``(h, w, 3) uint8`` RGB, upright (rotation tags applied);
- boxes are ``xyxy float32`` pixels of the full upright frame, right and bottom exclusive;
- ``frame_index`` counts from 0 in decode (presentation) order;
- ``time_s`` is the presentation time, 0 for the first frame; it takes precedence where it and
  ``frame_index`` disagree;
- frame rates are ``fractions.Fraction``;
- -1 (`data.core.arrays.UNKNOWN`) is an unknown person, or no tracklet;
- names end in their unit: ``_s``, ``_px``, ``_wh``.

Other conventions (YOLO's normalised cx cy w h, dlib's rectangles, OpenCV's BGR,
face_recognition's top-right-bottom-left) are confined to the reader or writer that needs them.
"""
