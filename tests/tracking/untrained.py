"""An untrained detector with high scores: it detects people everywhere."""

from __future__ import annotations

from typing import Any

from data.project.project import Project
from data.tables.people import open_people
from tracking.detection.ultralytics_env import set_ultralytics_offline


def write_untrained(project: Project, *, image_px: int) -> None:
    """Write a tracker of a project's people, as large and slow as a trained one."""
    set_ultralytics_offline()
    import torch
    from ultralytics.nn.tasks import DetectionModel

    with open_people(project.people_file) as people:
        names = people.names()
    torch.manual_seed(0)
    network: Any = DetectionModel("yolo11n.yaml", nc=len(names), verbose=False)  # type: ignore[no-untyped-call]
    network.names = dict(enumerate(names.values()))
    for branch in network.model[-1].cv3:
        branch[-1].bias.data[:] = torch.linspace(-2, -1, len(names))
    kept = {"train_args": {"imgsz": image_px}, "fancam": {"person_id": list(names)}}
    project.tracker_folder.mkdir()
    torch.save({"model": network.half(), **kept}, project.tracker_folder / "best.pt")
