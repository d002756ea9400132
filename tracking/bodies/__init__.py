"""Link detected bodies within a shot, and name them by the faces in them."""
