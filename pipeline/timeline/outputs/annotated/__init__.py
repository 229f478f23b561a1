"""The video with names and boxes in its picture."""
