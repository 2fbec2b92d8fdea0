"""The true place of a car in a picture."""

from dataclasses import dataclass

from inpaintdiff.data.synthetic.canvas import Canvas
from inpaintdiff.data.synthetic.car_models import Car
from inpaintdiff.data.synthetic.solids import NEAR, Pinhole


@dataclass(frozen=True)
class ImageBox:
    """Where a car is in a frame.

    Attributes:
        frame, vehicle: numbers.
        kind: its model.
        x1, y1, x2, y2: the box round it, pixels from the upper left corner; of one that reaches beyond the picture, round the pixels
            that show it or would if nothing hid it.
        depth: of its nearest corner, metres.
        visible: share of it within the picture that nothing nearer hides.
        red, green, blue: colour of its body, 0 to 255.
    """

    frame: int
    vehicle: int
    kind: str
    x1: float
    y1: float
    x2: float
    y2: float
    depth: float
    visible: float
    red: int
    green: int
    blue: int


def image_box(t: int, number: int, car: Car, camera: Pinhole, canvas: Canvas) -> ImageBox | None:
    """The box of a car that was painted as object `number`; None where it is out of sight or beside the camera."""
    box = car.box(camera)
    if box is None or canvas.whole.get(number, 0.0) <= 0 or car.pose.ahead < NEAR:
        return None
    x1, y1, x2, y2 = box
    if x2 <= 0 or x1 >= canvas.width or y2 <= 0 or y1 >= canvas.height:
        return None
    if min(x1, y1) < 0 or x2 > canvas.width or y2 > canvas.height:
        x1, y1, x2, y2 = map(float, canvas.extent[number])
    red, green, blue = (round(c * 255) for c in car.colour)
    return ImageBox(t, number, car.model, x1, y1, x2, y2, car.depth(camera), canvas.visible(number), red, green, blue)
