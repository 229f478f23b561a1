"""The names of encoders and weights, without these: commands offer them before anything heavy is loaded.

A test compares them with the tables.
"""

from enum import StrEnum

Face = StrEnum("Face", ["auto", "facenet", "dlib"])
Voice = StrEnum("Voice", ["auto", "ecapa", "campplus"])
WeightsName = StrEnum("WeightsName", ["facenet", "ecapa", "campplus", "segmentation", "lr-asd"])

EARLIER = {"ge2e": "GE2E"}
"""Encoders that earlier versions of mraf had, and their titles: features and models name them."""
