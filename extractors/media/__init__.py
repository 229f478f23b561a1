"""Video and sound files to frames and waves."""
