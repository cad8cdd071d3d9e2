"""A book of boxes seen by a camera: projection, painting of faces, shadows.

World units are book heights; x runs right, y away from the camera, z up. The ground is z = 0.
"""

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from workers.samples.textures import Pixels

Points: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.uint8]

LIGHT = np.array([-0.45, -0.35, 0.82])
"""Direction to the light: from the left, a little from the camera's side, mostly from above."""


@dataclass(frozen=True)
class Camera:
    """A pinhole camera. `matrix` is 3x4 and gives pixels of an image of `size` (width, height)."""

    size: tuple[int, int]
    eye: Points
    matrix: Points

    @staticmethod
    def looking_at(
        target: Points, elevation: float, azimuth: float, distance: float, roll: float, size: tuple[int, int]
    ) -> "Camera":
        """From `distance` towards `target`; angles in radians, elevation 0 is level, pi/2 straight down."""
        direction = np.array(
            [
                np.sin(azimuth) * np.cos(elevation),
                -np.cos(azimuth) * np.cos(elevation),
                np.sin(elevation),
            ]
        )
        eye = target + direction * distance
        forward = -direction
        up_hint = np.array([np.sin(azimuth) * -1.0, np.cos(azimuth), 0.0]) * np.sin(elevation) + np.array(
            [0.0, 0.0, np.cos(elevation)]
        )
        right = np.cross(forward, up_hint)
        right /= np.linalg.norm(right)
        down = np.cross(forward, right)
        turn = np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]])
        axes = np.vstack([turn @ np.vstack([right, down]), forward])
        width, height = size
        focal = 1.6 * max(width, height)
        intrinsics = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1.0]])
        return Camera(size, eye, intrinsics @ np.column_stack([axes, -axes @ eye]))

    def project(self, points: Points) -> Points:
        """Pixels (n, 2) of world points (n, 3)."""
        seen = self.matrix @ np.column_stack([points, np.ones(len(points))]).T
        return np.asarray((seen[:2] / seen[2]).T)

    def scaled(self, factor: float) -> "Camera":
        """The same view at `factor` times the resolution."""
        scale = np.diag([factor, factor, 1.0])
        return Camera(
            (round(self.size[0] * factor), round(self.size[1] * factor)), self.eye, scale @ self.matrix
        )


@dataclass(frozen=True)
class Face:
    """A textured quad: corners (4, 3) in the order upper left, upper right, lower right, lower left."""

    corners: Points
    texture: Pixels
    normal: Points

    def faces(self, eye: Points) -> bool:
        """Whether its front is turned to `eye`."""
        return float(np.dot(self.normal, eye - self.corners.mean(axis=0))) > 0

    def light(self) -> float:
        """Brightness factor of the face, between shade and full light."""
        return 0.62 + 0.40 * max(0.0, float(np.dot(self.normal, LIGHT / np.linalg.norm(LIGHT))))


def paint(faces: list[Face], camera: Camera, supersampling: int) -> tuple[Pixels, Pixels]:
    """The faces in the given order, the later over the earlier.

    Returns the colours multiplied by alpha (height, width, 3) and alpha (height, width), in 0..1. Alpha is
    the exact share of a pixel's supersampling² samples that the union of the faces covers.
    """
    fine = camera.scaled(supersampling)
    width, height = fine.size
    colour = np.zeros((height, width, 3), np.uint8)
    union = np.zeros((height, width), np.uint8)
    for face in faces:
        if face.faces(camera.eye):
            _paint_face(face, fine, colour, union)
    radius = max(1, round(0.0035 * max(fine.size)))
    rounding = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    union = np.asarray(cv2.morphologyEx(union, cv2.MORPH_OPEN, rounding), np.uint8)
    colour[union == 0] = 0
    alpha = cv2.resize(union.astype(np.float32), camera.size, interpolation=cv2.INTER_AREA)
    premultiplied = cv2.resize(colour, camera.size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    return np.asarray(premultiplied, np.float32), np.asarray(alpha, np.float32)


def _paint_face(face: Face, camera: Camera, colour: Mask, union: Mask) -> None:
    """Warp the face's texture into its place; only its bounding box is touched."""
    target = camera.project(face.corners)
    low = np.maximum(np.floor(target.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(target.max(axis=0)).astype(int) + 1, camera.size)
    if np.any(high <= low):
        return
    left, top, right, bottom = int(low[0]), int(low[1]), int(high[0]), int(high[1])
    local = (target - low).astype(np.float32)
    rows, columns = face.texture.shape[:2]
    corners = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
    warp = cv2.getPerspectiveTransform(corners, local)
    lit = np.clip(face.texture * np.float32(face.light() * 255), 0, 255).astype(np.uint8)
    size = (right - left, bottom - top)
    pixels = cv2.warpPerspective(lit, warp, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    inside = np.zeros((size[1], size[0]), np.uint8)
    cv2.fillConvexPoly(inside, np.round(local * 16).astype(np.int32), 1, shift=4)
    cv2.copyTo(np.asarray(pixels), inside, colour[top:bottom, left:right])
    union[top:bottom, left:right] |= inside


def ground_shadow(corners: Points, camera: Camera, softness: float) -> Pixels:
    """Factors (height, width) below 1 where the hull of `corners` keeps the light off the ground."""
    width, height = camera.size
    reach = corners[:, 2:3] * (LIGHT[:2] / LIGHT[2])[None, :]
    fallen = np.column_stack([corners[:, :2] - reach, np.zeros(len(corners))])
    cast = _hull_mask(camera.project(fallen), (width, height))
    footing = corners[corners[:, 2] < 1e-6 + float(corners[:, 2].min())].copy()
    contact = _hull_mask(camera.project(footing), (width, height))
    scale = max(width, height)
    soft = cv2.GaussianBlur(cast, (0, 0), scale * softness)
    tight = cv2.GaussianBlur(contact, (0, 0), scale * 0.006)
    return np.asarray(1 - 0.42 * soft - 0.33 * tight * (1 - 0.42 * soft), np.float32)


def _hull_mask(points: Points, size: tuple[int, int]) -> Pixels:
    mask = np.zeros((size[1], size[0]), np.float32)
    hull = cv2.convexHull(np.round(points * 16).astype(np.int32))
    cv2.fillConvexPoly(mask, hull, 1.0, lineType=cv2.LINE_AA, shift=4)
    return mask


def ground(texture: Pixels, camera: Camera, extent: float) -> Pixels:
    """`texture`, spread over the ground from -extent to extent, as the camera sees it."""
    corners = np.array(
        [[-extent, extent, 0.0], [extent, extent, 0.0], [extent, -extent, 0.0], [-extent, -extent, 0.0]]
    )
    rows, columns = texture.shape[:2]
    source = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
    warp = cv2.getPerspectiveTransform(source, camera.project(corners).astype(np.float32))
    seen = cv2.warpPerspective(
        texture, warp, camera.size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    return np.asarray(seen, np.float32)
