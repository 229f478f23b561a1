"""The names of the encoders, without the encoders: commands list them before anything heavy is loaded."""

FACE = ("facenet", "dlib")
VOICE = ("ecapa", "campplus")

EARLIER = {"ge2e": "GE2E"}
"""Encoders that earlier versions of mraf had, and their titles: features and models name them."""
