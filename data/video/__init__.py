"""Probe, read and write video; read and write single images."""
