"""The default model: heads that compare a clip with each speaker's prototype."""
