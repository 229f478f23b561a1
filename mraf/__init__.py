"""MRAF: missing-token prompted, reliability-aware fusion of face and voice."""

__version__ = "0.1.0"
