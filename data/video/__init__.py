"""Probing, reading and writing of video, and single images."""
