"""One test module per kind of footage that other programs and cameras write."""
