"""The People room: review of who is who."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()
