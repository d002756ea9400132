"""The Label room: faces labelled in bulk."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()
